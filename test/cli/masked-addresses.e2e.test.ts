import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runSignalbox } from '../support/command-line.js';
import { runHere } from '../support/command-line-here.js';

/** Also of a token alone, and with what a password should not hold unescaped, or holds escaped. */
const addresses = [
  'postgres://bob:s3cr3tPW@127.0.0.1:1/x',
  'amqp://bob:s3cr3tPW/@:3t@127.0.0.1:1',
  'mysql://bob:%2Fs3cr3tPW@127.0.0.1:1/x',
  'nats://s3cr3tPW@127.0.0.1:1',
  'bob:s3cr3tPW@127.0.0.1:1/x',
];

const misplaced: readonly ((address: string) => readonly string[])[] = [
  (address) => [address],
  (address) => ['migrate', `--database${address}`],
  (address) => ['tail', `--bu=${address}`],
  (address) => ['check', address],
  (address) => ['check', `${address}.json`],
  (address) => ['machine', address],
  (address) => ['diff', `${address}.json`, 'Volume'],
  (address) => ['trace', 'check', address],
  (address) => ['trace', 'check', '--max-dwell', address],
  (address) => ['explain', address, '--state', 'Ready', '--event', 'Attach'],
  (address) => ['explain', 'Volume', '--state', address, '--event', 'Attach'],
  (address) => ['plan', 'Volume', '--from', address, '--to', 'Ready'],
  (address) => ['diagram', 'Volume', '--around', address],
  (address) => ['catalog', '--against', address],
  (address) => ['outbox', 'list', '--config', address],
  (address) => ['outbox', 'drop', address],
  (address) => ['demo', '--resources', address],
  (address) => ['replay', '--pool', 'billing', '--since', address],
  (address) => ['catalog', '--format', address],
  (address) => ['catalog', '-o', address],
  (address) => ['coverage', address],
  (address) => ['docs', '--check', '-o', address],
  (address) => ['docs', '-o', address],
  (address) => ['dead-letters', 'list', address, '--bus', 'memory:'],
  (address) => ['dead-letters', 'list', address, '--bus', 'memory:', '--json'],
  (address) => ['dead-letters', 'redrive', address, '--all', '--bus', 'memory:'],
  (address) => ['dead-letters', 'drop', address, '--all', '--bus', 'memory:'],
  (address) => ['dead-letters', 'list', 'billing', '--bus', 'memory:', '--for-bus', address],
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-masked-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('a password in an address', () => {
  test.each(misplaced)('is told nowhere when the address is in the wrong place: %#', async (at) => {
    for (const address of addresses) {
      const { stdout, stderr } = await runHere([...at(address), '--debug'], folder);
      expect(stdout + stderr, at('<address>').join(' ')).not.toBe('');
      expect(stdout + stderr, at('<address>').join(' ')).not.toMatch(/s3cr3t|3t@/i);
    }
  });

  test('is masked in what a process tells, and the rest of the line stays', async () => {
    const { code, stderr } = await runSignalbox(['migrate', `--database${addresses[0]}`]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "signalbox: unknown option '--databasepostgres://bob:***@127.0.0.1:1/x'\n",
    });
  });
});
