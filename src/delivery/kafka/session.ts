import type { BegunRecord } from '../bus/incoming-delivery.js';
import { endPatience, endsInTime } from '../kit/in-time.js';
import { v7 as uuidv7 } from 'uuid';
import { BatchReader } from './batch-reader.js';
import { Committer, Generation } from './committer.js';
import type { KafkaConsumer, RetryConfig } from './driver.js';
import { JoinHold } from './join-hold.js';
import { kafkaError, reasonOf } from './kafka-error.js';
import type { SessionOptions } from './session-options.js';
import { StartOffsets, type TopicShare } from './start-offsets.js';
import { WakeableSleep } from '../kit/wakeable-sleep.js';
import { backoff } from '../kit/backoff.js';

/** How often the first join is tried; later ones are for as long as the subscription lives. */
const firstJoins = 3;

/** Milliseconds that a handler waits for its message to be marked as begun. */
const markPatience = 1_000;
const firstDelay = 100;
const longestDelay = 5_000;
/** Milliseconds that a fetch may wait for records; data ends it at once. Joining may wait as long. */
const fetchWait = 500;

/**
 * Reads topics as a member of a consumer group: joins, takes its share of the partitions, remembers how
 * far it is by committing the first offset that is not done, and joins again whenever it is lost.
 *
 * A rebalance takes partitions away. The session then forgets what has not begun, and is held back from
 * joining again while handlers are under way.
 */
export class ConsumerSession {
  readonly #options: SessionOptions;
  readonly #groupId: string;
  readonly #startOffsets: StartOffsets;
  readonly #committer: Committer;
  readonly #hold: JoinHold;
  readonly #reader: BatchReader;
  readonly #sleeper = new WakeableSleep();
  #consumer: KafkaConsumer | undefined;
  #generation = new Generation();
  #reopenTimer: NodeJS.Timeout | undefined;
  readonly #backoff = backoff(firstDelay, longestDelay);
  #lost = false;
  #started = false;
  #stopping = false;
  /** Until then no message is marked before its handler begins. */
  #unmarkedUntil = 0;
  #crash: Error | undefined;
  #joins: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  constructor(options: SessionOptions) {
    const { driver, admin, group, topics, from, commitInterval } = options;
    this.#options = options;
    this.#groupId = group ?? options.ephemeralGroup(uuidv7());
    this.#startOffsets = new StartOffsets({ driver, admin, group, topics, from });
    this.#committer = new Committer(
      group === undefined ? undefined : async (offsets) => this.#consumer?.commitOffsets(offsets),
      commitInterval,
      options.reserve ?? 0,
    );
    const { sink, sessionTimeout } = options;
    const stopping = (): boolean => this.#stopping;
    this.#hold = new JoinHold({ sink, committer: this.#committer, sessionTimeout, stopping });
    this.#reader = new BatchReader({
      sink,
      sessionTimeout,
      sleeper: this.#sleeper,
      stopping,
      onDone: (generation) => {
        if (this.#generation === generation) this.#committer.soon();
      },
    });
  }

  /** Resolves when what is published from now on will be read. Rejects with what `kafkaError` says. */
  async start(): Promise<void> {
    const { startTimeout, what } = this.#options;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(kafkaError(new Error(`nothing came of it within ${startTimeout} ms`), what));
      }, startTimeout);
    });
    try {
      await Promise.race([this.#begin(), late]);
      this.#started = true;
    } catch (error) {
      await this.stop();
      throw kafkaError(error, what);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Says that the sink may have room again. */
  wake(): void {
    this.#sleeper.wake();
  }

  /** True for a record that this session handed out before. */
  wasHandedOut(topic: string, partition: number, offset: string): boolean {
    return this.#reader.wasHandedOut(topic, partition, offset);
  }

  /**
   * The record of handlers of a message that began and did not end; undefined for one that no process can
   * have begun. It is kept beside the offset that the group remembers.
   *
   * @param limit how many of them make the message poison
   */
  begun(topic: string, partition: number, offset: bigint, limit: number): BegunRecord | undefined {
    const offsets = this.#generation.get(topic, partition);
    if (this.#options.group === undefined || offsets?.isSuspect(offset) !== true) return undefined;
    return {
      limit,
      count: async () => offsets.begunOf(offset),
      begin: async () => {
        offsets.noteBegun(offset, offsets.begunOf(offset) + 1);
        // A cluster that does not take it leaves the message unmarked, and stops nobody; nor is it asked
        // again for each message, as while a group joins.
        if (performance.now() < this.#unmarkedUntil) return;
        if (await endsInTime(this.#committer.now(), markPatience)) return;
        this.#unmarkedUntil = performance.now() + endPatience;
      },
      end: (done) => {
        offsets.noteBegun(offset, done ? 0 : offsets.begunOf(offset) - 1);
        this.#committer.soon();
      },
    };
  }

  /** Commits what is done and leaves the group, within 5 s each. Whoever calls it has let the sink come to rest. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#reopenTimer);
    this.wake();
    await endsInTime(this.#committer.stop(), endPatience);
    await endsInTime(this.#discard(), endPatience);
  }

  async #begin(): Promise<void> {
    // Before joining, so that nothing is missed of what is published from now on.
    await this.#startOffsets.begin();
    const delays = backoff(2 * firstDelay, longestDelay);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#join();
        return;
      } catch (error) {
        const { code } = kafkaError(error, this.#options.what);
        // A group that is just being formed may turn a member away.
        if (code !== 'BUS_UNAVAILABLE' || attempt === firstJoins || this.#stopping) throw error;
        await this.#discard();
        await this.#sleeper.sleep(delays.next());
      }
    }
  }

  async #join(): Promise<void> {
    const joined = new Promise<void>((resolve, reject) => this.#joins.push({ resolve, reject }));
    joined.catch(() => undefined);
    await this.#open();
    await joined;
  }

  async #open(): Promise<void> {
    const { driver, topics, sessionTimeout } = this.#options;
    this.#crash = undefined;
    const consumer = driver.consumer({
      groupId: this.#groupId,
      sessionTimeout,
      rebalanceTimeout: sessionTimeout * 2,
      heartbeatInterval: Math.ceil(sessionTimeout / 10),
      maxWaitTimeInMs: fetchWait,
      allowAutoTopicCreation: true,
      retry,
      mayJoin: () => this.#hold.mayJoin(),
    });
    this.#consumer = consumer;
    consumer.on('consumer.group_join', ({ payload }) => {
      if (this.#consumer === consumer) this.#onJoin(consumer, payload.memberAssignment);
    });
    consumer.on('consumer.rebalancing', () => this.#options.sink.forget());
    consumer.on('consumer.crash', ({ payload }) => this.#onCrash(consumer, payload.error));
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    // Resolves when it has joined, and also when it could not.
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: (payload) => {
        const generation = this.#generation;
        const isCurrent = (): boolean => this.#isCurrent(consumer, generation);
        return this.#reader.read(payload, generation, isCurrent);
      },
    });
    const crash = this.#crash as Error | undefined;
    if (crash !== undefined) throw crash;
    // It may have been stopped meanwhile.
    if (this.#consumer !== consumer) await consumer.disconnect().catch(() => undefined);
  }

  #onJoin(consumer: KafkaConsumer, assignment: Readonly<Record<string, number[]>>): void {
    this.#startAnew();
    const share = Object.entries(assignment).map(([topic, partitions]) => ({ topic, partitions }));
    // Nothing is to be read before it is known from where.
    consumer.pause(share);
    void this.#position(consumer, this.#generation, share);
  }

  async #position(
    consumer: KafkaConsumer,
    generation: Generation,
    share: readonly TopicShare[],
  ): Promise<void> {
    const delays = backoff(firstDelay, longestDelay);
    while (this.#isCurrent(consumer, generation)) {
      try {
        const { starts, missed } = await this.#startOffsets.of(share);
        if (!this.#isCurrent(consumer, generation)) return;
        for (const each of starts) {
          const { topic, partition, start } = each;
          generation.add(each);
          consumer.seek({ topic, partition, offset: String(start) });
        }
        // A pool that nobody has handled a message of yet must remember where it began. Later, a commit
        // that does not come through, and is tried for long, must not keep anybody from reading.
        const remembering = this.#committer.now();
        if (!this.#started) await remembering;
        consumer.resume([...share]);
        this.#back(missed);
        return;
      } catch (error) {
        this.#failJoins(error);
        await this.#sleeper.sleep(delays.next());
      }
    }
  }

  #onCrash(consumer: KafkaConsumer, error: Error): void {
    if (this.#consumer !== consumer) return;
    this.#consumer = undefined;
    this.#crash = error;
    this.#startAnew();
    this.#failJoins(error);
    if (!this.#started || this.#stopping) return;
    this.#lose(reasonOf(error));
    this.#reopenLater();
  }

  #startAnew(): void {
    this.#options.sink.forget();
    const positions = this.#generation.positions();
    // A member that lost its group before it knew its place still was where it was before.
    if (positions.length > 0) this.#startOffsets.keep(positions);
    this.#generation = new Generation();
    this.#committer.follow(this.#generation);
  }

  #reopenLater(): void {
    if (this.#stopping) return;
    clearTimeout(this.#reopenTimer);
    this.#reopenTimer = setTimeout(() => {
      this.#open().catch((error: unknown) => {
        void this.#discard();
        this.#lose(reasonOf(error));
        this.#reopenLater();
      });
    }, this.#backoff.next());
  }

  async #discard(): Promise<void> {
    const consumer = this.#consumer;
    this.#consumer = undefined;
    await consumer?.disconnect().catch(() => undefined);
  }

  #lose(reason: string): void {
    this.#lost = true;
    this.#options.onLost(reason);
  }

  #back(missed: boolean): void {
    this.#backoff.reset();
    for (const { resolve } of this.#joins.splice(0)) resolve();
    if (!this.#lost && !missed) return;
    this.#lost = false;
    this.#options.onBack(missed);
  }

  #failJoins(error: unknown): void {
    const cause = kafkaError(error, this.#options.what);
    for (const { reject } of this.#joins.splice(0)) reject(cause);
  }

  #isCurrent(consumer: KafkaConsumer, generation: Generation): boolean {
    return this.#consumer === consumer && this.#generation === generation;
  }
}

/**
 * Within a member KafkaJS tries again for a while; then it gives up, and the session begins anew. The
 * tries also have to last while a join is held back.
 */
const retry: RetryConfig = {
  retries: 20,
  initialRetryTime: 50,
  maxRetryTime: 1_000,
  restartOnFailure: async () => false,
};
