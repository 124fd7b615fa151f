import { providePeers } from '../../scripts/servers/peers.js';

/** Installs, once, the programs of others that `*.interop.test.ts` talk to. */
export default async function setup(): Promise<void> {
  await providePeers();
}
