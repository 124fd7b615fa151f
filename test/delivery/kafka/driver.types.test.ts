import type { Kafka } from 'kafkajs';
import { expectTypeOf, it } from 'vitest';
import type { KafkaDriver, KafkaOptions } from '../../../src/delivery/kafka/index.js';

it('a Kafka of kafkajs is a driver as it is', () => {
  expectTypeOf<Kafka>().toExtend<KafkaDriver>();
});

it('an option that does not exist does not compile', () => {
  // @ts-expect-error it is `topic`
  const options: KafkaOptions = { brokers: 'localhost:9092', topics: 'signalbox' };
  expectTypeOf(options).not.toHaveProperty('exchange');
});
