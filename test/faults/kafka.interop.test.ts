import { afterAll, beforeAll, describe, test } from 'vitest';
import { KafkaNetwork } from '../bus/kafka/kafka-place.js';
import { freshDatabase, type FreshDatabase } from '../support/databases.js';
import { startKafkaMock, type KafkaMock } from '../support/kafka-mock.js';
import { expectEndured } from './support/expect-endured.js';
import { onKafka } from './support/fault-buses.js';
import { long, seed } from './support/fault-length.js';
import { FaultWorld } from './support/fault-world.js';

// Joining groups takes the mock too long for the short form.
describe.runIf(long)(`a mock cluster of Kafka under load (seed ${seed})`, () => {
  let database: FreshDatabase;
  let mock: KafkaMock;
  let world: FaultWorld;

  beforeAll(async () => {
    database = await freshDatabase('postgres');
    mock = await startKafkaMock();
    const bus = onKafka(mock.brokers, new KafkaNetwork().driver);
    world = await FaultWorld.open({ seed, database: database.url, bus });
  }, 120_000);
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
});
