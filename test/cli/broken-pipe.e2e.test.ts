import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

const main = resolve(import.meta.dirname, '../../dist/cli.js');

test('a command whose reader has had enough ends well, without a stack trace', async () => {
  const child = spawn(process.execPath, [main, 'demo', '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, SIGNALBOX_DATABASE: '', SIGNALBOX_BUS: '', SIGNALBOX_SOURCE: '' },
  });
  const ended = once(child, 'exit');
  const complaints = text(child.stderr);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  expect(await ended).toEqual([0, null]);
  expect(await complaints).toBe('');
});
