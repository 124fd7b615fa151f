import { setTimeout as delay } from 'node:timers/promises';
import { metrics, type Meter, type Observable } from '@opentelemetry/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rabbitmq } from '../../src/delivery/amqp/index.js';
import { VirtualMachine } from '../../src/cli/demo/entities.js';
import type { SignalboxEvent } from '../../src/core/events/event.js';
import type { RelayNotice } from '../../src/delivery/relay/relay-notice.js';
import {
  type Cloud,
  firstDeliveries,
  idsByResource,
  openCloud,
  outboxEmpty,
} from '../e2e/support/cloud.js';
import { eventually } from '../support/eventually.js';
import { type PrivateRabbitmq, startPrivateRabbitmq } from '../support/private-rabbitmq.js';

const workers = 10;
const round = [
  'StartRequested',
  'OperationSucceeded',
  'StopRequested',
  'OperationSucceeded',
] as const;

/** The outage is twenty seconds; it is looked at in parts of this length. */
const part = 5_000;
const parts = 4;

type Callback = Parameters<Meter['addBatchObservableCallback']>[0];

/** Reads the gauges of the package as an OpenTelemetry exporter would. */
function readGauges(): () => Readonly<Record<string, number>> {
  const names = new Map<Observable, string>();
  const callbacks = new Set<Callback>();
  const meter = {
    createCounter: () => ({ add: () => undefined }),
    createObservableGauge: (name: string) => {
      const gauge = { addCallback: () => undefined, removeCallback: () => undefined };
      names.set(gauge, name);
      return gauge;
    },
    addBatchObservableCallback: (callback: Callback) => void callbacks.add(callback),
    removeBatchObservableCallback: (callback: Callback) => void callbacks.delete(callback),
  };
  metrics.setGlobalMeterProvider({ getMeter: () => meter as unknown as Meter });
  return () => {
    const values: Record<string, number> = {};
    const observe = (gauge: Observable, value: number) => {
      values[names.get(gauge) ?? ''] = value;
    };
    for (const callback of callbacks) void callback({ observe });
    return values;
  };
}

let broker: PrivateRabbitmq;
let cloud: Cloud;

beforeAll(async () => {
  [broker, cloud] = await Promise.all([startPrivateRabbitmq(), openCloud('postgres')]);
}, 120_000);
afterAll(async () => {
  await cloud[Symbol.asyncDispose]();
  await broker.dispose();
  metrics.disable();
});

test('with RabbitMQ stopped for twenty seconds under load, transitions go on, and then everything arrives in order', async () => {
  const gauges = readGauges();
  const notices: RelayNotice[] = [];
  const received: SignalboxEvent[] = [];
  const bus = rabbitmq({ url: broker.url, publishTimeout: 3000 });
  const signalbox = await cloud.open({
    bus,
    relay: { lagBound: 4000, sampleInterval: 250 },
    onRelayNotice: (notice) => void notices.push(notice),
  });
  await signalbox.subscribe('#', (event) => void received.push(event), {
    pool: 'all',
    concurrency: 16,
  });

  const moved = Array.from({ length: workers }, () => 0);
  const failures: unknown[] = [];
  let stopping = false;
  const load = Promise.all(
    moved.map(async (_, worker) => {
      const { uuid } = await signalbox.create(VirtualMachine, { name: `vm-${worker}` });
      while (!stopping) {
        for (const event of round) {
          try {
            await signalbox.transition(VirtualMachine, uuid, event);
            moved[worker] = (moved[worker] ?? 0) + 1;
          } catch (error) {
            failures.push(error);
          }
          await delay(20);
        }
      }
    }),
  );
  await eventually(() => expect(received.length).toBeGreaterThan(50));

  /** How far each worker came while one part of the time passed. */
  const watch = async (): Promise<readonly number[]> => {
    const before = [...moved];
    await delay(part);
    return moved.map((count, worker) => count - (before[worker] ?? 0));
  };
  const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

  const calm = sum(await watch());
  await broker.stop();
  const depths: number[] = [];
  for (let index = 0; index < parts; index += 1) {
    const counts = await watch();
    // Nobody waits for the broker: every worker goes on, and together they are not much slower.
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(sum(counts)).toBeGreaterThan(calm / 3);
    depths.push((await signalbox.outboxDepth()).pending);
  }
  expect(failures).toEqual([]);
  expect(depths.toSorted((a, b) => a - b)).toEqual(depths);
  expect(depths.at(-1)).toBeGreaterThan(calm);
  expect(notices.map(({ kind }) => kind)).toContain('busUnavailable');
  expect(notices).toContainEqual(expect.objectContaining({ kind: 'lagging' }));
  expect(gauges()['signalbox.outbox.age']).toBeGreaterThan(part);
  expect(gauges()['signalbox.outbox.pending']).toBeGreaterThan(calm);

  await broker.start();
  // A broker that comes back under load may take a publish's whole timeout to elect its queue's leader.
  await eventually(
    () => {
      expect(notices.map(({ kind }) => kind)).toContain('busRecovered');
    },
    { deadline: 60_000 },
  );
  stopping = true;
  await load;
  await outboxEmpty(signalbox, 60_000);
  expect(failures).toEqual([]);
  await eventually(() => {
    expect(notices.map(({ kind }) => kind)).toContain('caughtUp');
    expect(gauges()['signalbox.outbox.pending']).toBe(0);
  });

  const journal = (await cloud.journal()).map(({ event }) => event);
  expect(journal.filter(({ type }) => type === 'ALERT.OUTBOX.LAGGING')).toHaveLength(1);
  await eventually(() => {
    expect(new Set(received.map(({ id }) => id)).size).toBe(journal.length);
  });
  // Alerts of no resource have no order to keep.
  const ofResources = (events: readonly SignalboxEvent[]) =>
    idsByResource(events.filter(({ partitionkey }) => partitionkey !== undefined));
  expect(ofResources(firstDeliveries(received))).toEqual(ofResources(journal));
  await signalbox.close();
  await bus.close();
}, 180_000);
