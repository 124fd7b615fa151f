import type { KafkaClientConfig, KafkaDriver } from '../../../src/delivery/kafka/driver.js';
import { kafkajsDriver } from '../../../src/delivery/kafka/index.js';
import { recordSize } from '../../../src/delivery/kafka/wire.js';

/**
 * A client of a cluster that takes records up to a size: the mock takes any, so what a cluster refuses is
 * refused before it.
 */
export function bounded(limit: number) {
  return async (config: KafkaClientConfig): Promise<KafkaDriver> => {
    const client = await kafkajsDriver(config);
    return {
      admin: () => client.admin(),
      consumer: (options) => client.consumer(options),
      producer: (options) => {
        const producer = client.producer(options);
        return {
          connect: () => producer.connect(),
          disconnect: () => producer.disconnect(),
          sendBatch: async (batch) => {
            const records = batch.topicMessages.flatMap(({ messages }) => messages);
            if (records.some((record) => recordSize(record) > limit)) {
              throw Object.assign(new Error('The message is too large'), {
                type: 'MESSAGE_TOO_LARGE',
              });
            }
            return producer.sendBatch(batch);
          },
        };
      },
    };
  };
}
