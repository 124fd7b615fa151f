import fc from 'fast-check';
import { mkdtemp, rm, appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { volume } from '../../../machines/index.js';
import type { SignalboxEvent } from '../../../src/core/events/event.js';
import { deliveryFaults, deliveryLog, simulate } from '../../../src/testing/index.js';

/** Three volumes, each with a few changes, in the order of the journal. */
async function lives() {
  const cloud = simulate(volume);
  const volumes = [
    await cloud.create(volume),
    await cloud.create(volume),
    await cloud.create(volume),
  ];
  for (const event of ['CreateRequested', 'OperationSucceeded', 'AttachRequested'] as const) {
    for (const { uuid } of volumes) await cloud.transition(volume, uuid, event);
  }
  const rows = await Promise.all(
    volumes.map(async ({ uuid }) => {
      const found = await cloud.find(volume, uuid);
      return { uuid, state: String(found?.state), revision: found?.revision ?? 0 };
    }),
  );
  return { committed: cloud.events.all, rows };
}

const { committed, rows } = await lives();

const codes = (evidence: Parameters<typeof deliveryFaults>[0]) =>
  deliveryFaults(evidence).map(({ code }) => code);

/** Puts the events in any order that keeps that of each resource, some of them again and again. */
const keepingOrder = fc.array(fc.nat(), { minLength: 60, maxLength: 120 }).map((choices) => {
  const queues = new Map<string, SignalboxEvent[]>();
  for (const event of committed) {
    const key = event.partitionkey ?? event.id;
    queues.set(key, [...(queues.get(key) ?? []), event]);
  }
  const delivered: SignalboxEvent[] = [];
  for (const choice of choices) {
    const waiting = [...queues.values()].filter((queue) => queue.length > 0);
    if (choice % 4 === 0 && delivered.length > 0) {
      delivered.push(delivered[choice % delivered.length] as SignalboxEvent);
    } else if (waiting.length > 0) {
      delivered.push(waiting[choice % waiting.length]?.shift() as SignalboxEvent);
    }
  }
  for (const queue of queues.values()) delivered.push(...queue);
  return delivered;
});

describe('delivery faults', () => {
  test('any mixture that keeps the order of each resource is without fault, repetitions too', () => {
    fc.assert(
      fc.property(keepingOrder, (delivered) => {
        expect(deliveryFaults({ committed, delivered, rows })).toEqual([]);
      }),
    );
  });

  test('an event that is missing is lost, unless it was set aside', () => {
    fc.assert(
      fc.property(fc.nat(committed.length - 1), (index) => {
        const delivered = committed.toSpliced(index, 1);
        const [missing] = committed.slice(index);
        const faults = deliveryFaults({ committed, delivered });
        expect(faults).toEqual([expect.objectContaining({ code: 'LOST', id: missing?.id })]);
        expect(deliveryFaults({ committed, delivered, aside: [missing?.id ?? ''] })).toEqual([]);
      }),
    );
  });

  test('two events of one resource that change places are out of order', () => {
    const [first] = rows;
    const own = committed.flatMap(({ partitionkey }, index) =>
      partitionkey === first?.uuid ? [index] : [],
    );
    const [a = 0, b = 0] = own;
    const delivered = committed.with(a, committed[b] as never).with(b, committed[a] as never);
    expect(codes({ committed, delivered })).toEqual(['OUT_OF_ORDER']);
  });

  test('an event whose attributes come back in another order is not altered', () => {
    const delivered = committed.map(
      (event) => Object.fromEntries(Object.entries(event).toReversed()) as SignalboxEvent,
    );
    expect(codes({ committed, delivered })).toEqual([]);
  });

  test('an event that nobody committed, and one that was altered, are told', () => {
    const [event] = committed as [SignalboxEvent];
    const forged = { ...event, id: 'forged' };
    const altered = { ...event, time: '2000-01-01T00:00:00.000Z' };
    expect(codes({ committed, delivered: [...committed, forged, altered] })).toEqual([
      'NOT_COMMITTED',
      'ALTERED',
    ]);
  });

  test('a journal without one of the changes has a gap and a broken chain', () => {
    const index = committed.findIndex(({ type }) => type === 'CreateRequested');
    const torn = committed.toSpliced(index, 1);
    const found = codes({ committed: torn, delivered: torn, rows });
    expect(new Set(found)).toEqual(new Set(['REVISION_GAP', 'CHAIN_BROKEN']));
  });

  test('a row that is not what its last event says is told, as is one too many or too few', () => {
    const [first, ...others] = rows as [(typeof rows)[0]];
    const found = (given: typeof rows) => codes({ committed, delivered: committed, rows: given });
    expect(found([{ ...first, revision: first.revision + 1 }, ...others])).toEqual([
      'ROW_DISAGREES',
    ]);
    expect(found(others)).toEqual(['ROW_DISAGREES']);
    expect(found([...rows, { ...first, uuid: 'nobody' }])).toEqual(['ROW_DISAGREES']);
  });
});

test('a delivery log leaves out the line that a dying process did not finish', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-log-'));
  try {
    const file = join(directory, 'log');
    const log = deliveryLog(file);
    expect(await log.read()).toEqual([]);
    for (const event of committed) log.record(event);
    await appendFile(file, '{"id":"unfin');
    expect(await log.read()).toEqual(committed);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
