import { ResourceEntity, createSignalbox, migrate, migrations } from 'signalbox';
import { rabbitmq, type ConsumerPoolCallback, type RabbitmqBus } from 'signalbox/amqp';
import { cloudStackEventTypes, volume } from 'signalbox/machines';
import { DataSource, Entity } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPlainPeer, type PlainPeer } from '../test/delivery/amqp/plain-peer.js';
import { eventually } from '../test/support/eventually.js';
import { startPrivateRabbitmq, type PrivateRabbitmq } from '../test/support/private-rabbitmq.js';

@Entity('volume')
class Volume extends ResourceEntity<typeof volume> {
  static readonly lifecycle = volume;
}

interface Handled {
  readonly partition: string;
  readonly process: string;
  readonly revision: number;
}

let broker: PrivateRabbitmq;
let peer: PlainPeer;

beforeAll(async () => {
  broker = await startPrivateRabbitmq({ plugins: ['rabbitmq_consistent_hash_exchange'] });
  peer = await openPlainPeer(broker.url);
});
afterAll(async () => {
  await peer?.[Symbol.asyncDispose]();
  await broker?.dispose();
});

/** What an operator does once. */
async function declarePartitions(): Promise<void> {
  const { channel } = peer;
  // #region declare
  await channel.assertExchange('billing-by-resource', 'x-consistent-hash', {
    arguments: { 'hash-header': 'x-signalbox-partition-key' },
  });
  // #endregion
}

async function bindPartitions(): Promise<void> {
  const { channel } = peer;
  await channel.assertExchange('signalbox', 'topic', { durable: true });
  // #region bind
  await channel.bindExchange('billing-by-resource', 'signalbox', '*.ResourceStateEvent.#');
  // #endregion
}

function joinPartitions(bus: RabbitmqBus, handle: ConsumerPoolCallback): Promise<unknown> {
  // #region join
  const join = (partition: number) =>
    bus.joinConsumerPool(
      {
        pool: `billing-${partition}`,
        exchange: 'billing-by-resource',
        topic: '1', // to a hashing exchange, a binding tells the weight of its queue
        order: 'pool', // one process is active in each, the others stand by
        concurrency: 16,
      },
      handle,
    );
  const joined = Promise.all([0, 1, 2, 3].map(join));
  // #endregion
  return joined;
}

it('divides a pool over queues, keeps the order of each resource, and goes on where a process ends', async () => {
  const handled = new Map<string, Handled[]>();
  const join = async (process: string): Promise<RabbitmqBus> => {
    const bus = rabbitmq({ url: broker.url });
    await joinPartitions(bus, (body, message) => {
      const { subject, revision } = body as { subject: string; revision: number };
      const own = handled.get(subject) ?? handled.set(subject, []).get(subject);
      own?.push({ partition: message.pool ?? '', process, revision });
    });
    return bus;
  };
  await declarePartitions();
  const first = await join('first');
  const second = await join('second');
  await bindPartitions();

  const dataSource = await new DataSource({
    type: 'better-sqlite3',
    database: ':memory:',
    entities: [Volume],
    migrations: [...migrations],
    synchronize: true,
  }).initialize();
  await migrate(dataSource);
  const signalbox = await createSignalbox({
    dataSource,
    source: 'compute',
    eventTypes: cloudStackEventTypes,
    resources: [Volume],
    bus: rabbitmq({ url: broker.url }),
  });
  const volumes = await Promise.all(
    Array.from({ length: 40 }, () => signalbox.create(Volume, { account: 'acme' })),
  );
  const step = (event: 'CreateRequested' | 'OperationSucceeded' | 'AttachRequested') =>
    Promise.all(volumes.map(({ uuid }) => signalbox.transition(Volume, uuid, event)));
  const allHandled = (count: number) =>
    eventually(() =>
      expect([...handled.values()].flat().length).toBeGreaterThanOrEqual(count * volumes.length),
    );
  await step('CreateRequested');
  await allHandled(1);
  await step('OperationSucceeded');
  await first.close();
  await step('AttachRequested');
  await allHandled(3);
  await signalbox.close();
  await second.close();
  await dataSource.destroy();

  const all = [...handled.values()];
  expect(all).toHaveLength(volumes.length);
  // One that was handed over may come again, and never before the one that it follows.
  for (const own of all) {
    expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
    const revisions = own.map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    expect(new Set(revisions)).toEqual(
      new Set(revisions.map((_, index) => (revisions[0] ?? 0) + index)),
    );
  }
  const partitions = new Set(all.flat().map(({ partition }) => partition));
  expect([...partitions].toSorted()).toEqual(
    [0, 1, 2, 3].map((partition) => `billing-${partition}@billing-by-resource`),
  );
  expect(new Set(all.flat().map(({ process }) => process))).toEqual(new Set(['first', 'second']));
});
