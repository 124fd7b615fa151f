import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafka } from '../../../src/delivery/kafka/index.js';
import { busConformance } from '../../../src/testing/bus-conformance.js';
import { startKafkaMock, type KafkaMock } from '../../support/kafka-mock.js';
import { openKafkaPlace } from './kafka-place.js';

describe('the Kafka bus conforms', () => {
  let mock: KafkaMock;
  beforeAll(async () => {
    mock = await startKafkaMock();
  });
  afterAll(() => mock.kill());

  const { capabilities } = kafka({ brokers: 'localhost:9092' });
  const untried = { removePool: 'the mock cluster knows no deletion of groups' };
  const open = () => openKafkaPlace(mock.brokers);
  // Joining a group takes three seconds, in which nobody does anything.
  it.concurrent.each(busConformance({ open, capabilities, untried }))('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
