import { join } from 'node:path';
import { createJiti } from 'jiti';
import { readOptions } from './options.mjs';

// Read here too, because servers take long to find or start: not for a question or a wrong option.
const args = process.argv.slice(2);
readOptions(args);
const { main } = await createJiti(import.meta.url, { fsCache: false }).import(
  '../scripts/servers/command-line.ts',
);
const measure = [process.execPath, join(import.meta.dirname, 'main.mjs'), ...args];
process.exitCode = await main(['run', '--', ...measure]);
