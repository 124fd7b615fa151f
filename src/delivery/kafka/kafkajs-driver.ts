import type { Assigner, KafkaConfig, Mechanism, PartitionAssigner, SASLOptions } from 'kafkajs';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { ConsumerConfig, KafkaClientConfig, KafkaDriver, KafkaSasl } from './driver.js';
import { GatedSockets, type SocketFactory } from './gated-sockets.js';
import { readHeadersLinearly } from './linear-headers.js';
import { leaveLostCoordinator } from './lost-coordinator.js';
import { isProvided, passwordLogin, providedMechanism } from './sasl.js';
import { followMovedLeaders } from './moved-leaders.js';

/**
 * The client of the package kafkajs, loaded when it is needed. Rejects with ConfigurationError
 * DRIVER_MISSING where the package is not installed.
 */
export async function kafkajsDriver(
  config: KafkaClientConfig,
  socketFactory?: SocketFactory,
): Promise<KafkaDriver> {
  const { Kafka, logLevel, PartitionAssigners } = await loadKafkajs();
  await readHeadersLinearly();
  const { sasl, ...rest } = config;
  const sockets = new GatedSockets(socketFactory);
  const kafka = new Kafka({
    ...rest,
    ...(sasl === undefined ? {} : { sasl: await loginOf(sasl) }),
    socketFactory: sockets.factory as NonNullable<KafkaConfig['socketFactory']>,
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
    end: () => sockets.end(),
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

async function loginOf(sasl: KafkaSasl): Promise<SASLOptions | Mechanism> {
  if (!isProvided(sasl)) return sasl;
  return providedMechanism(sasl, await passwordLogin(sasl.mechanism));
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
