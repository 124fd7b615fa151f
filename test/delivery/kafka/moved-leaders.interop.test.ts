import { describe, expect, it } from 'vitest';
import type { BusNotice } from '../../../src/delivery/bus/notice.js';
import { message, Recorder } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';
import { startKafkaMockCluster, type KafkaMockCluster } from '../../support/kafka-mock-cluster.js';
import { KafkaNetwork, openKafkaPlace } from './kafka-place.js';

const patience = { deadline: 30_000 };
const partitions = 6;

/** Two members of a pool on three brokers, and how often they were about to join their group. */
async function withPool(
  body: (world: {
    readonly cluster: KafkaMockCluster;
    readonly topic: string;
    readonly group: string;
    readonly notices: readonly BusNotice[];
    readonly joins: () => number;
    /** Publishes so many, of as many keys, and resolves when members were given all of them. */
    readonly expectPassedOn: (count: number) => Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const cluster = await startKafkaMockCluster();
  const place = openKafkaPlace(cluster.brokers);
  const { topic } = place;
  const group = `${topic}.pool.p`;
  const network = new KafkaNetwork();
  const notices: BusNotice[] = [];
  const recorder = new Recorder();
  let joins = 0;
  const open = () =>
    place.connect({
      requestTimeout: 3_000,
      on: (notice) => notices.push(notice),
      driver: async (config) => {
        const client = await network.driver(config);
        return {
          producer: (options) => client.producer(options),
          admin: () => client.admin(),
          consumer: ({ mayJoin, ...options }) =>
            client.consumer({
              ...options,
              mayJoin: () => {
                joins += 1;
                return mayJoin();
              },
            }),
        };
      },
    });
  try {
    await cluster.createTopic(topic, partitions);
    await cluster.setCoordinator(group, 3);
    const [one, two] = [open(), open()];
    await one.subscribe(['#'], recorder.handler, { pool: 'p' });
    await two.subscribe(['#'], recorder.handler, { pool: 'p' });
    const expectPassedOn = async (count: number): Promise<void> => {
      const sent = Array.from({ length: count }, (_, key) =>
        message('t', { partitionKey: `key ${key}` }),
      );
      await Promise.all(sent.map((each) => one.publish(each)));
      await eventually(
        () => expect(recorder.ids).toEqual(expect.arrayContaining(sent.map(({ id }) => id))),
        patience,
      );
    };
    await expectPassedOn(100);
    await body({ cluster, topic, group, notices, expectPassedOn, joins: () => joins });
  } finally {
    await place.dispose();
    await cluster.kill();
  }
}

const everyPartition = Array.from({ length: partitions }, (_, partition) => partition);

describe('a pool on several brokers of Kafka', () => {
  it.concurrent('follows leaders that move, and no member joins again for that', () =>
    withPool(async ({ cluster, topic, notices, joins, expectPassedOn }) => {
      const before = joins();
      for (const step of [1, 2, 3]) {
        for (const partition of everyPartition) {
          await cluster.setLeader(topic, partition, 1 + ((partition + step) % 3));
        }
        await expectPassedOn(100);
      }
      expect(joins()).toBe(before);
      expect(notices).toEqual([]);
    }),
  );

  it.concurrent(
    'confirms only what was written when a leader moves to a broker that has answered',
    () =>
      withPool(async ({ cluster, topic, expectPassedOn }) => {
        for (const round of [1, 2, 3, 4, 5, 6]) {
          // The other brokers take their part of a request, and this one refuses its own.
          await cluster.setLeader(topic, 0, 1 + (round % 3));
          await expectPassedOn(100);
        }
      }),
  );

  it.concurrent(
    'goes on without a broker whose partitions went to another, and when it is back',
    () =>
      withPool(async ({ cluster, topic, group, expectPassedOn }) => {
        await cluster.setCoordinator(group, 1);
        await cluster.setDown(3);
        for (const partition of everyPartition) {
          await cluster.setLeader(topic, partition, 1 + (partition % 2));
        }
        await expectPassedOn(100);
        await cluster.setUp(3);
        for (const partition of everyPartition) {
          await cluster.setLeader(topic, partition, 1 + (partition % 3));
        }
        await expectPassedOn(100);
      }),
  );
});
