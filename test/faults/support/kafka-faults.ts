import type { KafkaMockCluster } from '../../support/kafka-mock-cluster.js';
import type { Fault } from './broker-faults.js';

const brokers = [1, 2, 3] as const;
const partitions = [0, 1, 2, 3, 4, 5] as const;
const topics = ['signalbox', 'signalbox.pool.all', 'signalbox.dead.all'] as const;
const group = 'signalbox.pool.all';

/** The topics of a fault world, on three brokers. */
export async function createKafkaTopics(cluster: KafkaMockCluster): Promise<void> {
  for (const topic of topics) await cluster.createTopic(topic, partitions.length);
}

/** What may happen to some of three brokers. */
export function kafkaFaults(cluster: KafkaMockCluster): readonly Fault[] {
  const lead = async (leaderOf: (partition: number) => number): Promise<void> => {
    for (const topic of topics) {
      for (const partition of partitions) {
        await cluster.setLeader(topic, partition, leaderOf(partition));
      }
    }
  };
  return [
    {
      name: 'every leader moves, and moves on',
      // Longer than it takes anybody to notice.
      lasts: 2000,
      strike: () => lead((partition) => 1 + ((partition + 1) % brokers.length)),
      mend: () => lead((partition) => 1 + ((partition + 2) % brokers.length)),
    },
    {
      name: 'the broker that coordinates the pool is lost, and comes back',
      lasts: 2000,
      strike: async () => {
        await cluster.setCoordinator(group, 3);
        await cluster.setDown(3);
        await lead((partition) => 1 + (partition % 2));
        await cluster.setCoordinator(group, 1);
      },
      mend: async () => {
        await cluster.setUp(3);
        await lead((partition) => 1 + (partition % brokers.length));
      },
    },
  ];
}
