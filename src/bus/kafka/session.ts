import { v7 as uuidv7 } from 'uuid';
import { Committer, Generation, placeOf } from './committer.js';
import type {
  KafkaAdmin,
  KafkaBatchPayload,
  KafkaConsumer,
  KafkaDriver,
  ReceivedRecord,
  RetryConfig,
} from './driver.js';
import { kafkaError, reasonOf } from './kafka-error.js';
import type { PartitionOffsets } from './offsets.js';
import { StartOffsets, type TopicShare } from './start-offsets.js';

/** Takes the records that a session reads. */
export interface RecordSink {
  /** False while it can take no more: the session then waits, and stays a member of its group. */
  hasRoom(): boolean;
  /** Takes a record. `done` is called when it need not come again. Must not throw. */
  take(record: ReceivedRecord, topic: string, partition: number, done: () => void): void;
  /** The partitions are being given up: forget what has not begun, it will be read again. */
  forget(): void;
  /** True while something that was taken is under way. */
  busy(): boolean;
}

/** What all sessions of a bus have in common. */
export interface SessionSettings {
  readonly driver: KafkaDriver;
  readonly admin: KafkaAdmin;
  /** The name of a group that nobody shares. */
  readonly ephemeralGroup: (id: string) => string;
  readonly sessionTimeout: number;
  readonly commitInterval: number;
  readonly startTimeout: number;
}

export interface SessionOptions extends SessionSettings {
  /** The group to share the topics with; undefined to read them alone and remember nothing. */
  readonly group: string | undefined;
  readonly topics: readonly string[];
  /** Where a group that remembers nothing yet begins. */
  readonly from: 'beginning' | 'end';
  readonly sink: RecordSink;
  /** What the session is for, such as `join the pool billing`, for messages. */
  readonly what: string;
  readonly onLost: (reason: string) => void;
  /** @param missed true when records were deleted before they could be read */
  readonly onBack: (missed: boolean) => void;
}

/** How often the first join is tried; later ones are for as long as the subscription lives. */
const firstJoins = 3;
const firstDelay = 100;
const longestDelay = 5_000;
/** Milliseconds that a fetch may wait for records; data ends it at once. Joining may wait as long. */
const fetchWait = 500;
/** How far records that are done may run ahead of one that is not: so much is read again after a crash. */
const longestSpan = 10_000;

/**
 * Reads topics as a member of a consumer group: joins, takes its share of the partitions, remembers how
 * far it is by committing the first offset that is not done, and joins again whenever it is lost.
 *
 * A rebalance takes partitions away. The session then forgets what has not begun, and does not join again
 * before what is under way has ended and was offered for commit, so that no two members handle one key at
 * once. A handler that takes longer than two thirds of `sessionTimeout` is not waited for.
 */
export class ConsumerSession {
  readonly #options: SessionOptions;
  readonly #groupId: string;
  readonly #startOffsets: StartOffsets;
  readonly #committer: Committer;
  /** The highest offset that was handed out, by place. */
  readonly #handedOut = new Map<string, bigint>();
  #consumer: KafkaConsumer | undefined;
  #generation = new Generation();
  #hold: { readonly until: number; offered: boolean } | undefined;
  #reopenTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  #lost = false;
  #started = false;
  #stopping = false;
  #crash: Error | undefined;
  #wakes: (() => void)[] = [];
  #joins: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  constructor(options: SessionOptions) {
    const { admin, group, topics, from, commitInterval } = options;
    this.#options = options;
    this.#groupId = group ?? options.ephemeralGroup(uuidv7());
    this.#startOffsets = new StartOffsets({ admin, group, topics, from });
    this.#committer = new Committer(
      group === undefined ? undefined : async (offsets) => this.#consumer?.commitOffsets(offsets),
      commitInterval,
    );
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
    for (const wake of this.#wakes.splice(0)) wake();
  }

  /** True for a record that this session handed out before. */
  wasHandedOut(topic: string, partition: number, offset: string): boolean {
    const highest = this.#handedOut.get(placeOf(topic, partition));
    return highest !== undefined && BigInt(offset) <= highest;
  }

  /** Commits what is done and leaves the group. Whoever calls it has let the sink come to rest. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#reopenTimer);
    this.wake();
    await this.#committer.stop();
    await this.#discard();
  }

  async #begin(): Promise<void> {
    // Before joining, so that nothing is missed of what is published from now on.
    await this.#startOffsets.begin();
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#join();
        return;
      } catch (error) {
        const { code } = kafkaError(error, this.#options.what);
        // A group that is just being formed may turn a member away.
        if (code !== 'BUS_UNAVAILABLE' || attempt === firstJoins || this.#stopping) throw error;
        await this.#discard();
        await this.#sleep(delayAfter(attempt));
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
      mayJoin: () => this.#mayJoin(),
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
      eachBatch: (payload) => this.#onBatch(consumer, payload),
    });
    const crash = this.#crash as Error | undefined;
    if (crash !== undefined) throw crash;
    // It may have been stopped meanwhile.
    if (this.#consumer !== consumer) await consumer.disconnect().catch(() => undefined);
  }

  #mayJoin(): boolean {
    const { sink, sessionTimeout } = this.#options;
    const now = performance.now();
    const hold = (this.#hold ??= { until: now + (sessionTimeout * 2) / 3, offered: false });
    if (now < hold.until && !this.#stopping) {
      if (sink.busy() || this.#committer.underWay) return false;
      if (this.#committer.dirty && !hold.offered) {
        // Brokers take a commit until the group has formed anew; what they refuse is read again.
        hold.offered = true;
        void this.#committer.now();
        return false;
      }
    }
    this.#hold = undefined;
    return true;
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
    for (let attempt = 0; this.#isCurrent(consumer, generation); attempt += 1) {
      try {
        const { starts, missed } = await this.#startOffsets.of(share);
        if (!this.#isCurrent(consumer, generation)) return;
        for (const each of starts) {
          const { topic, partition, start } = each;
          generation.add(each);
          consumer.seek({ topic, partition, offset: String(start) });
        }
        // A pool that nobody has handled a message of yet must remember where it began.
        await this.#committer.now();
        consumer.resume([...share]);
        this.#back(missed);
        return;
      } catch (error) {
        this.#failJoins(error);
        await this.#sleep(delayAfter(attempt));
      }
    }
  }

  async #onBatch(consumer: KafkaConsumer, payload: KafkaBatchPayload): Promise<void> {
    const { batch } = payload;
    const { sink } = this.#options;
    const generation = this.#generation;
    const offsets = generation.get(batch.topic, batch.partition);
    if (offsets === undefined) return;
    const current = (): boolean =>
      payload.isRunning() &&
      !payload.isStale() &&
      !this.#stopping &&
      this.#isCurrent(consumer, generation);
    try {
      for (const record of batch.messages) {
        while (current() && !(sink.hasRoom() && offsets.span < longestSpan)) {
          await this.#sleep(this.#options.sessionTimeout / 10);
          await payload.heartbeat();
        }
        if (!current()) break;
        this.#take(record, batch, generation, offsets);
        payload.resolveOffset(record.offset);
      }
      // While the last handlers end the member stays in its group, and fetches nothing.
      while (this.#stopping && payload.isRunning()) {
        await this.#sleep(fetchWait);
        await payload.heartbeat();
      }
    } catch (error) {
      // The group is rebalancing, or the broker is away.
      sink.forget();
      throw error;
    }
  }

  #take(
    record: ReceivedRecord,
    { topic, partition }: KafkaBatchPayload['batch'],
    generation: Generation,
    offsets: PartitionOffsets,
  ): void {
    const offset = BigInt(record.offset);
    if (!offsets.begin(offset)) return;
    this.#options.sink.take(record, topic, partition, () => {
      offsets.end(offset);
      if (this.#generation === generation) this.#committer.soon();
      this.wake();
    });
    const place = placeOf(topic, partition);
    const highest = this.#handedOut.get(place);
    if (highest === undefined || offset > highest) this.#handedOut.set(place, offset);
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
    }, delayAfter(this.#failures));
    this.#failures += 1;
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
    this.#failures = 0;
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

  /** Ends early when the sink has room again or the session is stopping. */
  async #sleep(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wakes.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
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

function delayAfter(failures: number): number {
  return Math.min(longestDelay, firstDelay * 2 ** failures);
}
