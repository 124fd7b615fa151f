import { describe, expect, it } from 'vitest';
import type {
  ConsumerConfig,
  KafkaAdmin,
  KafkaBatchPayload,
  KafkaConsumer,
  KafkaDriver,
  TopicPartitionOffset,
} from '../../../src/delivery/kafka/driver.js';
import { ConsumerSession } from '../../../src/delivery/kafka/session.js';
import { Gate } from '../../../src/testing/bus-conformance/recorder.js';
import { eventually } from '../../support/eventually.js';

/** A cluster of one partition whose group does what a test says: no rebalance comes on demand. */
class ScriptedCluster {
  readonly commits: TopicPartitionOffset[][] = [];
  readonly seeks: string[] = [];
  refuseCommits = false;
  /** A commit is tried for as long as this has not resolved. */
  holdingCommits: Promise<void> | undefined;
  committed = '-1';
  resumed = 0;
  low = '0';
  high = '0';
  /** True: an admin that is there already asks a broker that no longer leads. */
  moved = false;
  config: ConsumerConfig | undefined;
  #listeners = new Map<string, (event: never) => void>();
  #eachBatch: ((payload: KafkaBatchPayload) => Promise<void>) | undefined;

  readonly admin = this.#admin(() => this.moved);

  readonly driver = {
    admin: () => this.#admin(() => false),
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
          await this.holdingCommits;
          if (this.refuseCommits) throw new Error('rebalancing');
          this.commits.push(offsets);
          this.committed = offsets[0]?.offset ?? this.committed;
        },
        seek: ({ offset }) => void this.seeks.push(offset),
        pause: () => {},
        resume: () => void (this.resumed += 1),
        on: (event: string, listener: (event: never) => void) => {
          this.#listeners.set(event, listener);
        },
      };
    },
  } as unknown as KafkaDriver;

  #admin(knowsNoLeader: () => boolean): KafkaAdmin {
    return {
      connect: async () => {},
      disconnect: async () => {},
      fetchTopicOffsets: async () => {
        if (knowsNoLeader()) {
          throw Object.assign(new Error('not the leader'), { type: 'NOT_LEADER_FOR_PARTITION' });
        }
        return [{ partition: 0, low: this.low, high: this.high }];
      },
      fetchOffsets: async () => [
        { topic: 't', partitions: [{ partition: 0, offset: this.committed }] },
      ],
    } as unknown as KafkaAdmin;
  }

  join(): void {
    this.#emit('consumer.group_join', { payload: { memberAssignment: { t: [0] } } });
  }

  rebalance(): void {
    this.#emit('consumer.rebalancing', {});
  }

  /** What a member hears at its next sign of life. */
  heartbeat: () => Promise<void> = async () => {};

  async deliver(...offsets: readonly number[]): Promise<void> {
    await this.#eachBatch?.({
      batch: {
        topic: 't',
        partition: 0,
        messages: offsets.map((each) => ({ offset: String(each), key: null, value: null })),
      },
      resolveOffset: () => {},
      heartbeat: () => this.heartbeat(),
      isRunning: () => true,
      isStale: () => false,
    });
  }

  #emit(event: string, payload: unknown): void {
    this.#listeners.get(event)?.(payload as never);
  }
}

function open(cluster: ScriptedCluster, group: string | undefined, sessionTimeout = 1_500) {
  const underWay = new Map<string, () => void>();
  const missed: boolean[] = [];
  const sink = { hasRoom: true, forgotten: 0 };
  const session = new ConsumerSession({
    driver: cluster.driver,
    admin: cluster.admin,
    ephemeralGroup: (id) => `ephemeral.${id}`,
    sessionTimeout,
    commitInterval: 1,
    startTimeout: 5_000,
    group,
    topics: ['t'],
    from: 'end',
    sink: {
      hasRoom: () => sink.hasRoom,
      busy: () => underWay.size > 0,
      forget: () => void (sink.forgotten += 1),
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
  return { session, missed, sink, finish: (offset: number) => underWay.get(String(offset))?.() };
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

  it.each([
    { type: 'UNKNOWN_MEMBER_ID', told: 1 },
    { type: 'REBALANCE_IN_PROGRESS', told: 1 },
    // The client tries again by itself, and goes on behind what it has handed out.
    { type: undefined, told: 0 },
  ])('forgets what it handed out only to read it again: $type', async ({ type, told }) => {
    const cluster = new ScriptedCluster();
    const { session, sink } = open(cluster, 'g');
    await session.start();
    const before = sink.forgotten;
    sink.hasRoom = false;
    cluster.heartbeat = () => Promise.reject(Object.assign(new Error('no answer'), { type }));
    await expect(cluster.deliver(0)).rejects.toThrow('no answer');
    expect(sink.forgotten - before).toBe(told);
    await session.stop();
  });

  it('asks anew who leads when a broker no longer does, and goes on', async () => {
    const cluster = new ScriptedCluster();
    cluster.high = '9';
    cluster.moved = true;
    const { session } = open(cluster, 'g');
    await session.start();
    expect(cluster.seeks).toEqual(['9']);
    await session.stop();
  });

  it('lets no commit that does not come through keep it from joining or reading', async () => {
    const cluster = new ScriptedCluster();
    const { session, finish } = open(cluster, 'g', 6_000);
    await session.start();
    await cluster.deliver(0);
    const gate = new Gate();
    cluster.holdingCommits = gate.pass();
    finish(0);
    cluster.rebalance();
    const began = performance.now();
    await eventually(() => expect(cluster.config?.mayJoin()).toBe(true));
    // Two thirds of the session are for handlers.
    expect(performance.now() - began).toBeLessThan(4_000);
    cluster.join();
    await eventually(() => expect(cluster.resumed).toBe(2));
    // What was tried for so long has set the group back.
    await cluster.deliver(1);
    finish(1);
    cluster.holdingCommits = undefined;
    gate.open();
    await eventually(() => expect(cluster.commits.at(-1)?.[0]?.offset).toBe('2'));
    expect(cluster.commits.map(([first]) => first?.offset)).toEqual(['0', '1', '2']);
    await session.stop();
  });

  it('reads a log from its beginning when the cluster has forgotten the group', async () => {
    const cluster = new ScriptedCluster();
    cluster.high = '5';
    const { session, missed, finish } = open(cluster, 'g');
    await session.start();
    await cluster.deliver(5, 6);
    finish(5);
    finish(6);
    await eventually(() => expect(lastCommit(cluster)).toBe('7'));
    cluster.committed = '-1';
    cluster.high = '40';
    cluster.join();
    await eventually(() => expect(cluster.seeks).toEqual(['5', '0']));
    expect(missed).toEqual([true]);
    await eventually(() => expect(lastCommit(cluster)).toBe('0'));
    cluster.join();
    await eventually(() => expect(cluster.seeks).toEqual(['5', '0', '0']));
    expect(missed).toEqual([true]);
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
