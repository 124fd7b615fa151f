import { resolve } from 'node:path';
import { provideNpmPeers } from '../../scripts/servers/npm-peers.js';
import { providePeers } from '../../scripts/servers/peers.js';

/** Installs, once, the programs of others that `*.interop.test.ts` talk to. */
export default async function setup(): Promise<void> {
  await Promise.all([providePeers(), provideNpmPeers(resolve(import.meta.dirname, '../interop'))]);
}
