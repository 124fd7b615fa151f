import { expect, test } from 'vitest';
import { rabbitmq } from '../../../src/delivery/amqp/index.js';
import { replayedAt } from '../../../src/consuming/replay/replayed.js';
import { Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { openCloud } from '../../e2e/support/cloud.js';
import { Probe } from '../../e2e/support/probe.js';
import { runSignalbox } from '../../support/command-line.js';
import { serviceUrl } from '../../support/service-url.js';

test('signalbox replay sends what is selected to one pool, and says what it did', async () => {
  await using cloud = await openCloud('sqlite');
  const signalbox = await cloud.open({ relay: false, deadlines: false });
  const { uuid } = await signalbox.create(Probe);
  for (const event of ['Rest', 'Woke'] as const) await signalbox.transition(Probe, uuid, event);
  await signalbox.recordUsage('VM.START');
  await signalbox.close();
  const url = serviceUrl('rabbitmq');
  // The command uses the default exchange, which other tests may use too: the pool's name is ours alone.
  const pool = `replay-${uuid}`;
  await using bus = rabbitmq({ url });
  const recorder = new Recorder();
  const member = await bus.subscribe(['nothing.at.all'], recorder.handler, { pool });
  const env = { SIGNALBOX_DATABASE: cloud.url, SIGNALBOX_BUS: url };
  const run = (...args: string[]) => runSignalbox(['replay', '--pool', pool, ...args], { env });

  expect(await run('--dry-run', '--json')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('"replayed":4') as string,
  });
  expect(recorder.ids).toEqual([]);
  const first = await run('--limit', '2', `#.${uuid}`);
  expect(first.code).toBe(0);
  const after = /2 events sent to \S+; go on with --after (\d+)\n/.exec(first.stdout)?.[1] ?? '';
  expect(await run('--after', after, '--since', '1h', '--rate', '100', `#.${uuid}`)).toMatchObject({
    code: 0,
    stdout: `1 event sent to ${pool}\n`,
  });
  await recorder.atLeast(3);
  expect(recorder.deliveries.map(({ key }) => key.split('.')[2])).toEqual([
    'Created',
    'Rest',
    'Woke',
  ]);
  expect(recorder.deliveries.every((each) => replayedAt(each) !== undefined)).toBe(true);

  // Also where nothing would be sent: a misspelt pool is never told that all is well.
  for (const how of [[], ['--dry-run'], ['*.AlertEvent.#']]) {
    const unknown = await runSignalbox(['replay', '--pool', `no-${pool}`, ...how], { env });
    expect(unknown).toMatchObject({ code: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/POOL_UNKNOWN/);
  }
  const away = await run('--dry-run', '--bus', 'amqp://127.0.0.1:1');
  expect(away).toMatchObject({ code: 1, stdout: '' });
  expect((await run('--since', 'yesterday')).stderr).toMatch(/duration back from now/);
  expect((await run('--help')).stdout).toContain('signalbox replay --pool billing --dry-run');
  await member.unsubscribe({ removePool: true });
});
