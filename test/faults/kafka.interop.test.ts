import { afterAll, afterEach, beforeAll, describe, test } from 'vitest';
import { KafkaNetwork } from '../delivery/kafka/kafka-place.js';
import { freshDatabase, type FreshDatabase } from '../support/databases.js';
import { startKafkaMockCluster, type KafkaMockCluster } from '../support/kafka-mock-cluster.js';
import { startKafkaMock, type KafkaMock } from '../support/kafka-mock.js';
import type { Fault } from './support/broker-faults.js';
import { expectEndured } from './support/expect-endured.js';
import { onKafka } from './support/fault-buses.js';
import { long, seed } from './support/fault-length.js';
import { FaultWorld } from './support/fault-world.js';
import { createKafkaTopics, kafkaFaults } from './support/kafka-faults.js';

// Joining groups takes the mock too long for the short form.
describe.runIf(long)(`a mock cluster of Kafka under load (seed ${seed})`, () => {
  let database: FreshDatabase;
  let mock: KafkaMock;
  let world: FaultWorld;
  const network = new KafkaNetwork();

  beforeAll(async () => {
    database = await freshDatabase('postgres');
    mock = await startKafkaMock();
    const bus = onKafka(mock.brokers, network.driver);
    world = await FaultWorld.open({ seed, database: database.url, bus });
  }, 120_000);
  afterEach(() => world.reset());
  afterAll(async () => {
    mock?.resume();
    await world?.[Symbol.asyncDispose]();
    await mock?.kill();
    await database?.dispose();
  }, 120_000);

  test(
    'loses nothing when it freezes for longer than a session, and goes on',
    () =>
      expectEndured(world, [
        {
          name: 'Kafka freezes',
          lasts: 7000,
          strike: async () => mock.pause(),
          mend: async () => mock.resume(),
        },
      ]),
    240_000,
  );

  test('loses nothing that it confirms after it was killed and came back empty', async () => {
    const what = `Kafka is killed and comes back empty (seed ${seed})`;
    world.work.start(8, 4);
    await world.changes(100);
    // What it has confirmed and nobody has read yet dies with it.
    await world.settle(what);
    await mock.kill();
    world.work.start(8, 4);
    await world.changes(200);
    mock = await startKafkaMock();
    network.port = Number(mock.brokers.split(':')[1]);
    await world.changes(100);
    await world.settle(what);
  }, 240_000);
});

describe.runIf(long)(`a mock cluster of three brokers of Kafka (seed ${seed})`, () => {
  let database: FreshDatabase;
  let cluster: KafkaMockCluster;
  let world: FaultWorld;

  beforeAll(async () => {
    database = await freshDatabase('postgres');
    cluster = await startKafkaMockCluster();
    await createKafkaTopics(cluster);
    const bus = onKafka(cluster.brokers, new KafkaNetwork().driver);
    world = await FaultWorld.open({ seed, database: database.url, bus });
  }, 120_000);
  afterEach(() => world.reset());
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
    await cluster?.kill();
    await database?.dispose();
  }, 120_000);

  // The cluster does not exist yet where the tests are named: what strikes is found by its name.
  const names = kafkaFaults(undefined as never).map(({ name }) => name);
  test.each(names)(
    'loses nothing when %s',
    (name) =>
      expectEndured(world, [kafkaFaults(cluster).find((fault) => fault.name === name) as Fault]),
    240_000,
  );
});
