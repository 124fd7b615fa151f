import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freshDatabase, type FreshDatabase } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { startNatsCluster, type NatsCluster } from '../support/nats-cluster.js';
import { type PrivateNats, startPrivateNats } from '../support/private-nats.js';
import type { Fault } from './support/broker-faults.js';
import { expectEndured } from './support/expect-endured.js';
import { onNats } from './support/fault-buses.js';
import { long, seed } from './support/fault-length.js';
import { FaultWorld } from './support/fault-world.js';
import { natsFaults } from './support/nats-faults.js';

describe(`after a fault of NATS under load nothing is lost, made up or out of order (seed ${seed})`, () => {
  let database: FreshDatabase;
  let server: PrivateNats;
  let world: FaultWorld;

  beforeAll(async () => {
    database = await freshDatabase('postgres');
    server = await startPrivateNats();
    world = await FaultWorld.open({ seed, database: database.url, bus: onNats([server.url]) });
  }, 120_000);
  // What one fault has left must not be told again of the next.
  afterEach(() => world.reset());
  afterAll(async () => {
    server?.resume();
    await world?.[Symbol.asyncDispose]();
    await server?.dispose();
    await database?.dispose();
  }, 120_000);

  // The servers do not exist yet where the tests are named: what strikes is found by its name.
  const names = natsFaults(undefined as never).map(({ name }) => name);
  test.each(names)(
    '%s',
    (name) =>
      expectEndured(world, [natsFaults(server).find((fault) => fault.name === name) as Fault]),
    240_000,
  );
});

// Three servers and their elections take too long for the short form.
describe.runIf(long)(`a cluster of three NATS servers with three replicas (seed ${seed})`, () => {
  let database: FreshDatabase;
  let cluster: NatsCluster;
  let world: FaultWorld;

  beforeAll(async () => {
    database = await freshDatabase('postgres');
    cluster = await startNatsCluster();
    const bus = onNats(cluster.nodes.map(({ url }) => url));
    world = await FaultWorld.open({ seed, database: database.url, bus });
  }, 300_000);
  afterEach(() => world.reset());
  afterAll(async () => {
    for (const node of cluster?.nodes ?? []) node.resume();
    await world?.[Symbol.asyncDispose]();
    await cluster?.dispose();
    await database?.dispose();
  }, 120_000);

  /** Under load: the leader is struck, another one is elected, the struck one comes back. */
  async function expectLeaderReplaced(
    what: string,
    strike: (leader: PrivateNats) => Promise<void>,
    mend: (leader: PrivateNats) => Promise<void>,
  ): Promise<void> {
    world.work.start(8, 4);
    await world.changes(100);
    const leader = await cluster.leaderOf('signalbox');
    const others = cluster.nodes.filter((node) => node !== leader);
    await strike(leader);
    await eventually(
      async () => expect((await cluster.leaderOf('signalbox', others)).port).not.toBe(leader.port),
      { deadline: 60_000, every: 500 },
    );
    await world.changes(200);
    await mend(leader);
    await world.changes(100);
    await world.settle(`${what} (seed ${seed})`);
    await cluster.whole('signalbox');
  }

  test(
    'loses nothing when the leader of the stream is killed under load, and rejoins',
    () =>
      expectLeaderReplaced(
        'the leader was killed',
        (leader) => leader.kill(),
        (leader) => leader.start(),
      ),
    300_000,
  );

  test(
    'loses nothing when the leader of the stream stops under load, and rejoins',
    () =>
      expectLeaderReplaced(
        'the leader stopped',
        (leader) => leader.stop(),
        (leader) => leader.start(),
      ),
    300_000,
  );

  test(
    'loses nothing when the leader of the stream freezes, and goes on behind its time',
    () =>
      expectLeaderReplaced(
        'the leader froze',
        async (leader) => leader.pause(),
        async (leader) => leader.resume(),
      ),
    300_000,
  );

  test(
    'loses nothing when the leader of the stream is cut off from the others, and rejoins',
    () =>
      expectLeaderReplaced(
        'the leader was cut off',
        async (leader) => cluster.isolate(leader),
        async (leader) => cluster.rejoin(leader),
      ),
    300_000,
  );

  test('loses nothing when a follower of the stream is cut off from the others, and rejoins', async () => {
    world.work.start(8, 4);
    await world.changes(100);
    const leader = await cluster.leaderOf('signalbox');
    const follower = cluster.nodes.find((node) => node !== leader) as PrivateNats;
    cluster.isolate(follower);
    // Its clients find nobody there.
    await cluster.alone(follower, 'signalbox');
    await world.changes(200);
    cluster.rejoin(follower);
    await world.changes(100);
    await world.settle(`a follower was cut off (seed ${seed})`);
    await cluster.whole('signalbox');
  }, 300_000);
});
