import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase, type FreshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import type { PrivateRabbitmq } from '../support/private-rabbitmq.js';
import { startRabbitmqCluster, type RabbitmqCluster } from '../support/rabbitmq-cluster.js';
import { onRabbitmq } from './support/fault-buses.js';
import { long, seed } from './support/fault-length.js';
import { FaultWorld } from './support/fault-world.js';

const queue = 'signalbox/pool/all';

// Three brokers take too long to start for the short form.
describe.runIf(long)(`a cluster of three RabbitMQ nodes with quorum queues (seed ${seed})`, () => {
  let database: FreshDatabase;
  let cluster: RabbitmqCluster;
  let world: FaultWorld;

  beforeAll(async () => {
    database = await freshDatabase('postgres');
    cluster = await startRabbitmqCluster();
    const brokers = cluster.nodes.map(({ url }) => url);
    world = await FaultWorld.open({ seed, database: database.url, bus: onRabbitmq(brokers) });
  }, 300_000);
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await cluster?.dispose();
    await database?.dispose();
  }, 120_000);

  /** Under load: the leader is struck, another one is elected, the struck one comes back. */
  async function expectEndured(
    what: string,
    strike: (leader: PrivateRabbitmq) => Promise<void>,
    mend: (leader: PrivateRabbitmq) => Promise<void>,
  ): Promise<void> {
    world.work.start(8, 4);
    await world.changes(100);
    const leader = await cluster.leaderOf(queue);
    const others = cluster.nodes.filter((node) => node !== leader);
    await strike(leader);
    await eventually(
      async () => expect((await cluster.leaderOf(queue, others)).node).not.toBe(leader.node),
      { deadline: 60_000, every: 500 },
    );
    await world.changes(200);
    await mend(leader);
    await world.changes(100);
    await world.settle(what);
  }

  test(
    'loses nothing when the leader of the queue is killed under load, and rejoins',
    () =>
      expectEndured(
        'the leader was killed',
        (leader) => leader.kill(),
        (leader) => leader.start(),
      ),
    300_000,
  );

  test(
    'loses nothing when the leader of the queue is cut off from the others, and rejoins',
    () =>
      expectEndured(
        'the leader was isolated',
        (leader) => cluster.isolate(leader),
        (leader) => cluster.rejoin(leader),
      ),
    300_000,
  );

  test(
    'loses nothing when the leader of the queue freezes, and goes on behind its time',
    () =>
      expectEndured(
        'the leader froze',
        async (leader) => leader.pause(),
        async (leader) => leader.resume(),
      ),
    300_000,
  );
});
