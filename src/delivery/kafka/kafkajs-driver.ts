import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Assigner, PartitionAssigner } from 'kafkajs';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { ConsumerConfig, KafkaClientConfig, KafkaDriver } from './driver.js';
import { leaveLostCoordinator } from './lost-coordinator.js';
import { followMovedLeaders } from './moved-leaders.js';

/** What connects to a broker: `net.connect`, or a test's stand-in for a network that breaks. */
export type SocketFactory = (to: {
  readonly host: string;
  readonly port: number;
  readonly ssl: ConnectionOptions;
  readonly onConnect: () => void;
}) => Socket;

/**
 * The client of the package kafkajs, loaded when it is needed. Rejects with ConfigurationError
 * DRIVER_MISSING where the package is not installed.
 */
export async function kafkajsDriver(
  config: KafkaClientConfig,
  socketFactory?: SocketFactory,
): Promise<KafkaDriver> {
  const { Kafka, logLevel, PartitionAssigners } = await loadKafkajs();
  const { sasl, ...rest } = config;
  const kafka = new Kafka({
    ...rest,
    ...(sasl === undefined ? {} : { sasl }),
    ...(socketFactory === undefined ? {} : { socketFactory }),
    // What matters is thrown or told by a notice; the rest would go to the user's terminal.
    logLevel: logLevel.NOTHING,
  });
  return {
    producer: (options) => kafka.producer(options),
    consumer: ({ mayJoin, ...options }: ConsumerConfig) =>
      kafka.consumer({
        ...options,
        partitionAssigners: [adapted(PartitionAssigners.roundRobin, mayJoin)],
      }),
    admin: () => kafka.admin(),
  };
}

/**
 * KafkaJS joins a group again as soon as it hears of a rebalance, while handlers may be under way. It
 * asks the assigner for what to say when joining, and takes this error for a rebalance that is not over:
 * it tries again after a while. Assigners are also the only ones that it shows its cluster to.
 */
function adapted(create: PartitionAssigner, mayJoin: () => boolean): PartitionAssigner {
  return (options): Assigner => {
    followMovedLeaders(options.cluster);
    leaveLostCoordinator(options.cluster);
    const assigner = create(options);
    return {
      ...assigner,
      protocol: (subscription) => {
        if (mayJoin()) return assigner.protocol(subscription);
        throw Object.assign(new Error('handlers are under way'), { type: 'REBALANCE_IN_PROGRESS' });
      },
    };
  };
}

async function loadKafkajs(): Promise<typeof import('kafkajs')> {
  try {
    return await import('kafkajs');
  } catch (cause) {
    throw new ConfigurationError(
      'DRIVER_MISSING',
      'The Kafka bus needs the package kafkajs. Install it: npm install kafkajs',
      { parameters: { package: 'kafkajs' }, cause },
    );
  }
}
