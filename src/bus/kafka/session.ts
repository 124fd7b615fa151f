import { v7 as uuidv7 } from 'uuid';
import type {
  KafkaAdmin,
  KafkaBatchPayload,
  KafkaConsumer,
  KafkaDriver,
  ReceivedRecord,
  RetryConfig,
} from './driver.js';
import { kafkaError, reasonOf } from './kafka-error.js';
import { PartitionOffsets } from './offsets.js';

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

export interface SessionOptions {
  readonly driver: KafkaDriver;
  readonly admin: KafkaAdmin;
  /** The group to share the topics with; undefined to read them alone and remember nothing. */
  readonly group: string | undefined;
  /** The name of a group of its own, unless it shares one. */
  readonly ephemeralGroup: (id: string) => string;
  readonly topics: readonly string[];
  /** Where a group that remembers nothing yet begins. */
  readonly from: 'beginning' | 'end';
  readonly sessionTimeout: number;
  readonly commitInterval: number;
  readonly startTimeout: number;
  readonly sink: RecordSink;
  /** What the session is for, such as `join the pool billing`, for messages. */
  readonly what: string;
  readonly onLost: (reason: string) => void;
  /** @param missed true when records were deleted before they could be read */
  readonly onBack: (missed: boolean) => void;
}

const firstDelay = 100;
const longestDelay = 5_000;
/** Milliseconds that a fetch may wait for records; data ends it at once. Joining may wait as long. */
const fetchWait = 500;
/** How far records that are done may run ahead of one that is not: so much is read again after a crash. */
const longestSpan = 10_000;

/** The offsets of the partitions that a member has, from one join of the group to the next. */
interface Generation {
  readonly partitions: Map<string, PartitionOffsets>;
  /** False until it is known where each partition begins. */
  positioned: boolean;
}

/**
 * Reads topics as a member of a consumer group: joins, takes its share of the partitions, remembers how
 * far it is by committing the first offset that is not done, and joins again whenever it is lost.
 *
 * A rebalance takes partitions away. The session then forgets what has not begun, and does not join again
 * before what is under way has ended and is committed, so that no two members handle one key at once. A
 * handler that takes longer than two thirds of `sessionTimeout` is not waited for.
 */
export class ConsumerSession {
  readonly #options: SessionOptions;
  readonly #groupId: string;
  /** Where reading goes on that is not remembered by the group. */
  readonly #positions = new Map<string, bigint>();
  readonly #handedOut = new Map<string, bigint>();
  #ends: ReadonlyMap<string, bigint> = new Map();
  #consumer: KafkaConsumer | undefined;
  #generation: Generation = { partitions: new Map(), positioned: false };
  #holdUntil: number | undefined;
  #committing: Promise<void> | undefined;
  #commitTimer: NodeJS.Timeout | undefined;
  #reopenTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  #lost = false;
  #started = false;
  #stopping = false;
  #crash: Error | undefined;
  #wakes: (() => void)[] = [];
  #joins: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#groupId = options.group ?? options.ephemeralGroup(uuidv7());
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
    clearTimeout(this.#commitTimer);
    this.wake();
    await this.#commit();
    const consumer = this.#consumer;
    this.#consumer = undefined;
    await consumer?.disconnect().catch(() => undefined);
  }

  async #begin(): Promise<void> {
    const { admin, group, topics, from } = this.#options;
    // Before joining, so that nothing is missed of what is published from now on.
    const fresh =
      group === undefined || [...(await this.#committed()).values()].every((each) => each < 0n);
    if (fresh) {
      const ends = new Map<string, bigint>();
      for (const topic of topics) {
        for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
          ends.set(placeOf(topic, partition), BigInt(from === 'end' ? high : low));
        }
      }
      this.#ends = ends;
    }
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
    if (!sink.busy() && (!this.#dirty() || this.#stopping)) {
      this.#holdUntil = undefined;
      return true;
    }
    this.#holdUntil ??= now + (sessionTimeout * 2) / 3;
    if (now >= this.#holdUntil) {
      this.#holdUntil = undefined;
      return true;
    }
    if (!sink.busy()) void this.#commit();
    return false;
  }

  #onJoin(consumer: KafkaConsumer, assignment: Readonly<Record<string, number[]>>): void {
    this.#options.sink.forget();
    this.#keepPositions();
    const generation: Generation = { partitions: new Map(), positioned: false };
    this.#generation = generation;
    const share = Object.entries(assignment).map(([topic, partitions]) => ({ topic, partitions }));
    // Nothing is to be read before it is known from where.
    consumer.pause(share);
    void this.#position(consumer, generation, share);
  }

  async #position(
    consumer: KafkaConsumer,
    generation: Generation,
    share: readonly { readonly topic: string; readonly partitions: number[] }[],
  ): Promise<void> {
    for (let attempt = 0; this.#isCurrent(consumer, generation); attempt += 1) {
      try {
        const starts = await this.#starts(share);
        if (!this.#isCurrent(consumer, generation)) return;
        let missed = false;
        for (const { topic, partition, start, committed, low } of starts) {
          if (start < low) missed = true;
          const begin = start < low ? low : start;
          generation.partitions.set(
            placeOf(topic, partition),
            new PartitionOffsets(begin, committed),
          );
          consumer.seek({ topic, partition, offset: String(begin) });
        }
        generation.positioned = true;
        // A pool that nobody has handled a message of yet must remember where it began.
        await this.#commit();
        consumer.resume([...share]);
        this.#back(missed);
        return;
      } catch (error) {
        this.#failJoins(error);
        await this.#sleep(delayAfter(attempt));
      }
    }
  }

  async #starts(
    share: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
  ): Promise<
    readonly {
      readonly topic: string;
      readonly partition: number;
      readonly start: bigint;
      readonly committed: bigint | undefined;
      readonly low: bigint;
    }[]
  > {
    const { admin, group } = this.#options;
    const remembered = group === undefined ? new Map<string, bigint>() : await this.#committed();
    const found = [];
    for (const { topic, partitions } of share) {
      const log = await admin.fetchTopicOffsets(topic);
      for (const partition of partitions) {
        const place = placeOf(topic, partition);
        const low = BigInt(log.find((each) => each.partition === partition)?.low ?? 0);
        const offset = remembered.get(place) ?? -1n;
        const committed = offset < 0n ? undefined : offset;
        // A partition that was added later is read from its beginning.
        const start = committed ?? this.#positions.get(place) ?? this.#ends.get(place) ?? low;
        found.push({ topic, partition, start, committed, low });
      }
    }
    return found;
  }

  async #committed(): Promise<Map<string, bigint>> {
    const { admin, topics } = this.#options;
    const offsets = await admin.fetchOffsets({ groupId: this.#groupId, topics: [...topics] });
    return new Map(
      offsets.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset }) => [placeOf(topic, partition), BigInt(offset)]),
      ),
    );
  }

  async #onBatch(consumer: KafkaConsumer, payload: KafkaBatchPayload): Promise<void> {
    const { batch } = payload;
    const { sink } = this.#options;
    const generation = this.#generation;
    const place = placeOf(batch.topic, batch.partition);
    const offsets = generation.partitions.get(place);
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
      if (this.#generation === generation) this.#commitSoon();
      this.wake();
    });
    const place = placeOf(topic, partition);
    const highest = this.#handedOut.get(place);
    if (highest === undefined || offset > highest) this.#handedOut.set(place, offset);
  }

  #dirty(): boolean {
    if (this.#options.group === undefined || !this.#generation.positioned) return false;
    for (const { position, committed } of this.#generation.partitions.values()) {
      if (position !== committed) return true;
    }
    return false;
  }

  #commitSoon(): void {
    if (this.#commitTimer !== undefined || this.#stopping) return;
    this.#commitTimer = setTimeout(() => {
      this.#commitTimer = undefined;
      void this.#commit();
    }, this.#options.commitInterval);
  }

  /** Never rejects: what could not be committed is committed later, or read again. */
  async #commit(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing;
    if (!this.#dirty()) return;
    this.#committing = this.#commitNow().finally(() => {
      this.#committing = undefined;
    });
    await this.#committing;
  }

  async #commitNow(): Promise<void> {
    const generation = this.#generation;
    const offsets = [...generation.partitions]
      .filter(([, { position, committed }]) => position !== committed)
      .map(([place, each]) => ({ place, each, position: each.position }));
    try {
      await this.#consumer?.commitOffsets(
        offsets.map(({ place, position }) => ({ ...placeFrom(place), offset: String(position) })),
      );
      for (const { each, position } of offsets) each.committed = position;
    } catch {
      if (this.#generation === generation) this.#commitSoon();
    }
  }

  #onCrash(consumer: KafkaConsumer, error: Error): void {
    if (this.#consumer !== consumer) return;
    this.#consumer = undefined;
    this.#crash = error;
    this.#options.sink.forget();
    this.#keepPositions();
    this.#generation = { partitions: new Map(), positioned: false };
    this.#failJoins(error);
    if (!this.#started || this.#stopping) return;
    this.#lose(reasonOf(error));
    this.#reopenLater();
  }

  #reopenLater(): void {
    if (this.#stopping) return;
    clearTimeout(this.#reopenTimer);
    this.#reopenTimer = setTimeout(() => {
      this.#open().catch((error: unknown) => {
        const consumer = this.#consumer;
        this.#consumer = undefined;
        this.#lose(reasonOf(error));
        void consumer?.disconnect().catch(() => undefined);
        this.#reopenLater();
      });
    }, delayAfter(this.#failures));
    this.#failures += 1;
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

  #keepPositions(): void {
    for (const [place, { position }] of this.#generation.partitions) {
      this.#positions.set(place, position);
    }
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

function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function placeFrom(place: string): { readonly topic: string; readonly partition: number } {
  const slash = place.lastIndexOf('/');
  return { topic: place.slice(0, slash), partition: Number(place.slice(slash + 1)) };
}
