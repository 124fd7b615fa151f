import { describe, expect, it } from 'vitest';
import type {
  ConsumerConfig,
  KafkaAdmin,
  KafkaBatchPayload,
  KafkaConsumer,
  KafkaDriver,
  TopicPartitionOffset,
} from '../../../src/bus/kafka/driver.js';
import { ConsumerSession } from '../../../src/bus/kafka/session.js';
import { eventually } from '../../support/eventually.js';

/** A cluster of one partition whose group does what a test says: no rebalance comes on demand. */
class ScriptedCluster {
  readonly commits: TopicPartitionOffset[][] = [];
  readonly seeks: string[] = [];
  refuseCommits = false;
  committed = '-1';
  low = '0';
  high = '0';
  config: ConsumerConfig | undefined;
  #listeners = new Map<string, (event: never) => void>();
  #eachBatch: ((payload: KafkaBatchPayload) => Promise<void>) | undefined;

  readonly admin = {
    fetchTopicOffsets: async () => [{ partition: 0, low: this.low, high: this.high }],
    fetchOffsets: async () => [
      { topic: 't', partitions: [{ partition: 0, offset: this.committed }] },
    ],
  } as unknown as KafkaAdmin;

  readonly driver = {
    consumer: (config: ConsumerConfig): KafkaConsumer => {
      this.config = config;
      return {
        connect: async () => {},
        disconnect: async () => {},
        subscribe: async () => {},
        run: async ({ eachBatch }) => {
          this.#eachBatch = eachBatch;
          this.join();
        },
        commitOffsets: async (offsets) => {
          if (this.refuseCommits) throw new Error('rebalancing');
          this.commits.push(offsets);
          this.committed = offsets[0]?.offset ?? this.committed;
        },
        seek: ({ offset }) => void this.seeks.push(offset),
        pause: () => {},
        resume: () => {},
        on: (event: string, listener: (event: never) => void) => {
          this.#listeners.set(event, listener);
        },
      };
    },
  } as unknown as KafkaDriver;

  join(): void {
    this.#emit('consumer.group_join', { payload: { memberAssignment: { t: [0] } } });
  }

  rebalance(): void {
    this.#emit('consumer.rebalancing', {});
  }

  async deliver(...offsets: readonly number[]): Promise<void> {
    await this.#eachBatch?.({
      batch: {
        topic: 't',
        partition: 0,
        messages: offsets.map((each) => ({ offset: String(each), key: null, value: null })),
      },
      resolveOffset: () => {},
      heartbeat: async () => {},
      isRunning: () => true,
      isStale: () => false,
    });
  }

  #emit(event: string, payload: unknown): void {
    this.#listeners.get(event)?.(payload as never);
  }
}

function open(cluster: ScriptedCluster, group: string | undefined) {
  const underWay = new Map<string, () => void>();
  const missed: boolean[] = [];
  const session = new ConsumerSession({
    driver: cluster.driver,
    admin: cluster.admin,
    ephemeralGroup: (id) => `ephemeral.${id}`,
    sessionTimeout: 1_500,
    commitInterval: 1,
    startTimeout: 5_000,
    group,
    topics: ['t'],
    from: 'end',
    sink: {
      hasRoom: () => true,
      busy: () => underWay.size > 0,
      forget: () => {},
      take: ({ offset }, _topic, _partition, done) => {
        underWay.set(offset, () => {
          underWay.delete(offset);
          done();
        });
      },
    },
    what: 'join the pool p',
    onLost: () => {},
    onBack: (gap) => missed.push(gap),
  });
  return { session, missed, finish: (offset: number) => underWay.get(String(offset))?.() };
}

const lastCommit = (cluster: ScriptedCluster): string | undefined =>
  cluster.commits.at(-1)?.[0]?.offset;

describe('a session of a group', () => {
  it('commits the first offset that is not done, whatever order the others end in', async () => {
    const cluster = new ScriptedCluster();
    const { session, finish } = open(cluster, 'g');
    await session.start();
    await cluster.deliver(0, 1, 2);
    finish(2);
    finish(1);
    expect(lastCommit(cluster)).toBe('0');
    finish(0);
    await eventually(() => expect(lastCommit(cluster)).toBe('3'));
    await session.stop();
  });

  it('lets partitions go only when what is under way has ended and is committed', async () => {
    const cluster = new ScriptedCluster();
    const { session, finish } = open(cluster, 'g');
    await session.start();
    await cluster.deliver(0);
    cluster.rebalance();
    expect(cluster.config?.mayJoin()).toBe(false);
    finish(0);
    await eventually(() => expect(cluster.config?.mayJoin()).toBe(true));
    expect(lastCommit(cluster)).toBe('1');
    await session.stop();
  });

  it('waits for a handler no longer than two thirds of the session', async () => {
    const cluster = new ScriptedCluster();
    const { session } = open(cluster, 'g');
    await session.start();
    await cluster.deliver(0);
    cluster.rebalance();
    expect(cluster.config?.mayJoin()).toBe(false);
    await eventually(() => expect(cluster.config?.mayJoin()).toBe(true));
    await session.stop();
  });

  it('does not wait for a commit that is refused, and reads on from where it was', async () => {
    const cluster = new ScriptedCluster();
    cluster.high = '9';
    cluster.committed = '4';
    const { session, finish } = open(cluster, 'g');
    await session.start();
    await cluster.deliver(4, 5);
    cluster.refuseCommits = true;
    finish(4);
    finish(5);
    cluster.rebalance();
    expect(cluster.config?.mayJoin()).toBe(false);
    await new Promise((resolve) => setImmediate(resolve));
    expect(cluster.config?.mayJoin()).toBe(true);
    cluster.refuseCommits = false;
    cluster.join();
    await eventually(() => expect(lastCommit(cluster)).toBe('6'));
    expect(cluster.seeks).toEqual(['4', '6']);
    await session.stop();
  });

  it('goes on from what another member has committed meanwhile', async () => {
    const cluster = new ScriptedCluster();
    cluster.high = '20';
    cluster.committed = '4';
    const { session } = open(cluster, 'g');
    await session.start();
    cluster.committed = '12';
    cluster.join();
    await eventually(() => expect(cluster.seeks).toEqual(['4', '12']));
    await session.stop();
  });

  it('that is new begins at the end, and remembers that at once', async () => {
    const cluster = new ScriptedCluster();
    cluster.high = '7';
    const { session } = open(cluster, 'g');
    await session.start();
    expect(cluster.seeks).toEqual(['7']);
    expect(lastCommit(cluster)).toBe('7');
    await session.stop();
  });
});

describe('a session of its own', () => {
  it('commits nothing, and tells when records were deleted before it could read them', async () => {
    const cluster = new ScriptedCluster();
    cluster.high = '3';
    const { session, missed, finish } = open(cluster, undefined);
    await session.start();
    await cluster.deliver(3);
    finish(3);
    cluster.high = '50';
    cluster.join();
    await eventually(() => expect(cluster.seeks).toEqual(['3', '4']));
    expect(missed).toEqual([]);
    cluster.low = '30';
    cluster.join();
    await eventually(() => expect(cluster.seeks).toEqual(['3', '4', '30']));
    expect(missed).toEqual([true]);
    expect(cluster.commits).toEqual([]);
    await session.stop();
  });
});
