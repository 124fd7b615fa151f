import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { message } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { startKafkaMock, type KafkaMock } from '../../support/kafka-mock.js';
import { startNode, type ExitReport } from '../../support/run-node.js';
import type { CrashingTask } from '../amqp/crashing-member.js';
import { openKafkaPlace } from './kafka-place.js';

const deliveryLimit = process.env['SIGNALBOX_FAULTS'] === 'long' ? 20 : 2;
let directory: string;
let mock: KafkaMock;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signalbox-crashes-'));
  mock = await startKafkaMock();
});
afterAll(async () => {
  await mock.kill();
  await rm(directory, { recursive: true });
});

it('a message that ends its process is dead-lettered after deliveryLimit crashes, and its neighbours are handled', async () => {
  const place = openKafkaPlace(mock.brokers);
  const bus = place.connect({ deliveryLimit });
  await (await bus.subscribe(['#'], () => {}, { pool: 'p' })).unsubscribe();
  const names = Array.from({ length: 40 }, (_, index) => `neighbour ${index}`);
  names.splice(20, 0, 'culprit');
  for (const id of names) await bus.publish(message('a', { id, partitionKey: id }));
  const handled = join(directory, 'handled');
  const task: CrashingTask = {
    bus: 'kafka',
    url: mock.brokers,
    exchange: place.topic,
    deliveryLimit,
    concurrency: 8,
    order: 'pool',
    handled,
  };
  const isDone = async (): Promise<boolean> => {
    const ids = new Set((await readFile(handled, 'utf8').catch(() => '')).split('\n'));
    if (!names.every((id) => id === 'culprit' || ids.has(id))) return false;
    return (await bus.deadLetters?.read('p'))?.length === 1;
  };
  let crashes = 0;
  for (let lives = false; !lives && crashes < 30;) {
    await using member = startNode(resolve(import.meta.dirname, '../amqp/crashing-member.ts'), [
      JSON.stringify(task),
    ]);
    let ended: ExitReport | undefined;
    void member.exited.then((report) => (ended = report));
    await eventually(async () => expect(ended !== undefined || (await isDone())).toBe(true), {
      deadline: 60_000,
      every: 100,
    });
    lives = ended === undefined;
    if (!lives) {
      crashes += 1;
      expect(ended).toMatchObject({ code: 1 });
    }
  }
  const [letter, ...others] = (await bus.deadLetters?.read('p')) ?? [];
  expect(others).toEqual([]);
  expect(letter).toMatchObject({
    message: { id: 'culprit' },
    attempts: deliveryLimit,
    reason: expect.stringContaining('the process ended before the handler did') as unknown,
  });
  // The first crash leaves no mark, as nothing was marked then.
  expect(crashes).toBe(deliveryLimit + 1);
  await place.dispose();
});
