import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { VirtualMachine } from '../../src/cli/demo/entities.js';
import { openCloud } from '../e2e/support/cloud.js';
import { runSignalbox, startSignalbox } from '../support/command-line.js';
import { eventually } from '../support/eventually.js';
import type { ExitReport } from '../support/run-node.js';
import { serviceUrl } from '../support/service-url.js';

const exporter = pathToFileURL(resolve(import.meta.dirname, 'support/metrics-exporter.mjs')).href;
const env = {
  SIGNALBOX_DATABASE: undefined,
  SIGNALBOX_BUS: undefined,
  SIGNALBOX_SOURCE: undefined,
};

/** Relays two events by a process of its own, and ends it by SIGTERM. */
async function relayed(
  flags: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<ExitReport> {
  await using cloud = await openCloud('postgres');
  const signalbox = await cloud.open({ relay: false });
  await using relay = startSignalbox(
    ['relay', '--database', cloud.url, '--bus', serviceUrl('rabbitmq'), ...flags],
    { env: { ...env, ...more } },
  );
  await relay.line('relaying to rabbitmq', { from: 'stderr' });
  const { uuid } = await signalbox.create(VirtualMachine, { name: 'web' });
  await signalbox.transition(VirtualMachine, uuid, 'StartRequested');
  await eventually(async () => expect((await signalbox.outboxDepth()).pending).toBe(0));
  relay.kill('SIGTERM');
  let ended: ExitReport | undefined;
  void relay.exited.then((report) => (ended = report));
  return await eventually(() => {
    if (ended === undefined) throw new Error('the relay has not ended');
    return ended;
  });
}

test('signalbox relay --json writes nothing but records with time, level and message', async () => {
  const { code, stdout, stderr } = await relayed(['--json']);
  expect([code, stdout]).toEqual([0, '']);
  const records = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, string>>);
  for (const record of records) {
    expect(record).toMatchObject({
      level: expect.stringMatching(/^(?:info|warn|error)$/),
      message: expect.stringMatching(/./),
    });
    expect(new Date(record['time'] ?? '').toISOString()).toBe(record['time']);
  }
  const messages = records.map(({ message }) => message);
  expect(messages).toEqual(
    expect.arrayContaining(['relaying to rabbitmq', 'stopping: draining what is under way']),
  );
  expect(records).toContainEqual(expect.objectContaining({ notice: 'partitionsChanged' }));
});

test.each<[string, readonly string[]]>([
  [
    'a database that is away',
    ['--database', 'postgres://bob:s3cr3t@127.0.0.1:1/x', '--bus', 'memory:x'],
  ],
  ['no bus', ['--database', 'postgres://127.0.0.1:1/x']],
  ['an option that is none', ['--databse', 'x']],
  ['a configuration that is none', ['--config', '/nowhere/signalbox.config.json']],
])('an error that ends signalbox relay --json is a record too: %s', async (_, flags) => {
  for (const more of [[], ['--debug']]) {
    const { code, stderr } = await runSignalbox(['relay', '--json', ...flags, ...more], { env });
    expect(code).not.toBe(0);
    const records = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(records.at(-1)).toMatchObject({
      level: 'error',
      time: expect.stringMatching(/Z$/),
      message: expect.stringMatching(/./),
    });
    expect(stderr).not.toContain('s3cr3t');
  }
});

test('a relay with an exporter that holds a server open ends on SIGTERM, and its last counts are exported', async () => {
  const ended = await relayed([], { NODE_OPTIONS: `--import ${exporter}` });
  expect(ended).toMatchObject({ code: 0, signal: null });
  expect(ended.stdout).toContain('exported signalbox.relay.published 2');
});

test('a relay whose collector hangs ends on SIGTERM', async () => {
  const ended = await relayed([], { NODE_OPTIONS: `--import ${exporter}`, COLLECTOR: 'hangs' });
  expect(ended).toMatchObject({ code: 0, signal: null });
});
