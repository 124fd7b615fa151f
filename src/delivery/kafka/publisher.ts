import { RefusedError, UnavailableError } from '../../core/errors/errors.js';
import { backoff, type Backoff } from '../kit/backoff.js';
import { busClosed } from '../kit/bus-closed.js';
import { endPatience, endsInTime } from '../kit/in-time.js';
import { WakeableSleep } from '../kit/wakeable-sleep.js';
import type { BusNoticeListener } from '../bus/notice.js';
import type { KafkaDriver, KafkaProducer, KafkaRecord, RetryConfig } from './driver.js';
import { isRefusal, kafkaError, reasonOf } from './kafka-error.js';
import { recordSize } from './wire.js';

/** A record for a topic, and what it is called in messages. */
export interface OutgoingRecord {
  readonly topic: string;
  readonly record: KafkaRecord;
  readonly id: string;
  readonly key: string;
}

interface Pending extends OutgoingRecord {
  readonly size: number;
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  settled: boolean;
  /** Handed to the client with a connection: it may have arrived. */
  isSent: boolean;
}

interface PublisherOptions {
  readonly busName: string;
  readonly driver: () => Promise<KafkaDriver>;
  /** Records in one request, at most. */
  readonly batchCount: number;
  /** Bytes in one request, at most, unless one record alone is larger. */
  readonly batchBytes: number;
  readonly timeout: number;
  readonly notify: BusNoticeListener;
}

/**
 * KafkaJS must not repeat a request by itself. It notes which brokers have answered, and sends to the others
 * again. A partition that one broker has refused may then be led by one that has answered: its records
 * are sent to nobody, and confirmed.
 */
const noRetry: RetryConfig = { retries: 0, initialRetryTime: 50, maxRetryTime: 1_000 };

const firstDelay = 100;
const longestDelay = 2_000;

/**
 * Writes records in the order of the calls: one request at a time, and in it all that came meanwhile. A
 * request that failed is sent again before anything that came later, so no record overtakes another,
 * and the load decides how large a request grows. All in-sync replicas must have a record before its
 * promise resolves.
 *
 * A cluster that refuses a request for good does not say for which record. Its records are then sent one
 * by one, so that only the culprit is refused.
 */
export class KafkaPublisher {
  readonly #options: PublisherOptions;
  #producer: Promise<KafkaProducer> | undefined;
  #queue: Pending[] = [];
  #suspects = 0;
  #sending = false;
  readonly #backoff: Backoff;
  #lastFailure: Error | undefined;
  /** Whether the cluster was ever reached. One that was is waited for: it may be starting again. */
  #everUp = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #sleep = new WakeableSleep();
  #idle: (() => void)[] = [];

  constructor(options: PublisherOptions) {
    this.#options = options;
    // Several tries fit into the time of a publish.
    this.#backoff = backoff(firstDelay, Math.min(longestDelay, options.timeout / 4));
  }

  /** Resolves on the confirm. Rejects as `Bus.publish` does. */
  publish(outgoing: OutgoingRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(busClosed(this.#options.busName));
        return;
      }
      const deadline = performance.now() + this.#options.timeout;
      const size = recordSize(outgoing.record);
      this.#queue.push({
        ...outgoing,
        size,
        deadline,
        resolve,
        reject,
        settled: false,
        isSent: false,
      });
      this.#timer ??= setTimeout(() => this.#expire(), this.#options.timeout);
      // Once a turn, so that what is published in one go is sent in one go.
      if (!this.#sending) {
        this.#sending = true;
        setImmediate(() => void this.#send());
      }
    });
  }

  /** Waits for what is under way, then rejects the rest with CLOSED, and disconnects: each within 5 s. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#sending && !this.#backoff.failing) {
      const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
      await endsInTime(idle, endPatience);
    }
    for (const pending of this.#queue.splice(0)) settle(pending, busClosed(this.#options.busName));
    clearTimeout(this.#timer);
    this.#sleep.wake();
    const disconnected = async (): Promise<void> => (await this.#producer)?.disconnect();
    await endsInTime(disconnected(), endPatience);
  }

  async #send(): Promise<void> {
    for (;;) {
      this.#queue = this.#queue.filter(({ settled }) => !settled);
      const batch = this.#nextBatch();
      if (batch.length === 0) break;
      try {
        const producer = await this.#connected();
        for (const pending of batch) pending.isSent = true;
        await producer.sendBatch(this.#request(batch));
        this.#backoff.reset();
        this.#suspects = Math.max(0, this.#suspects - batch.length);
        this.#queue.splice(0, batch.length);
        for (const pending of batch) settle(pending);
      } catch (error) {
        await this.#onFailure(batch, error);
      }
    }
    this.#sending = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** They stay in the queue until they are settled. */
  #nextBatch(): readonly Pending[] {
    const { batchCount, batchBytes } = this.#options;
    const most = this.#suspects > 0 ? 1 : batchCount;
    let bytes = 0;
    const batch: Pending[] = [];
    for (const pending of this.#queue) {
      bytes += pending.size;
      if (batch.length > 0 && (batch.length >= most || bytes > batchBytes)) break;
      batch.push(pending);
    }
    return batch;
  }

  #request(batch: readonly Pending[]): Parameters<KafkaProducer['sendBatch']>[0] {
    const topics = new Map<string, KafkaRecord[]>();
    for (const { topic, record } of batch) {
      const records = topics.get(topic);
      if (records === undefined) topics.set(topic, [record]);
      else records.push(record);
    }
    return {
      acks: -1,
      timeout: this.#options.timeout,
      topicMessages: [...topics].map(([topic, messages]) => ({ topic, messages })),
    };
  }

  async #onFailure(batch: readonly Pending[], error: unknown): Promise<void> {
    if (this.#closed) {
      for (const pending of batch) settle(pending, busClosed(this.#options.busName));
      return;
    }
    const [only] = batch;
    if (isRefusal(error)) {
      if (only === undefined || batch.length > 1) {
        this.#suspects = batch.length;
        return;
      }
      this.#suspects = Math.max(0, this.#suspects - 1);
      this.#refuse(only, error);
      return;
    }
    const known = kafkaError(error, `publish to ${only?.topic ?? 'the cluster'}`);
    if (known.code !== 'BUS_UNAVAILABLE') {
      // Trying again cannot help until somebody has mended the set-up.
      for (const pending of batch) settle(pending, known);
      return;
    }
    if (this.#producer === undefined && !this.#everUp) {
      // Who waits is told at once, so that a relay does not take a wrong address for a slow start.
      for (const pending of this.#queue) settle(pending, known);
      return;
    }
    this.#lastFailure = known;
    await this.#sleep.sleep(this.#backoff.next());
  }

  #refuse(pending: Pending, cause: unknown): void {
    const { id, key } = pending;
    const reason = reasonOf(cause);
    this.#options.notify({ kind: 'refused', key, id, reason });
    settle(
      pending,
      RefusedError.of(
        'PUBLISH_REFUSED',
        `The Kafka cluster refused the message ${id} (${key}) for good: ${reason}. Mend the cause, then retry or drop it.`,
        { bus: this.#options.busName, id, key },
        { cause },
      ),
    );
  }

  /** One timer serves all: every call has the same time, so the eldest are due first. */
  #expire(): void {
    const now = performance.now();
    for (const pending of this.#queue) {
      if (pending.deadline > now) break;
      settle(pending, this.#late(pending));
    }
    const eldest = this.#queue.find(({ settled }) => !settled);
    this.#timer = eldest && setTimeout(() => this.#expire(), Math.max(1, eldest.deadline - now));
    if (eldest === undefined) this.#sleep.wake();
  }

  #late({ isSent }: Pending): UnavailableError {
    const { timeout, busName } = this.#options;
    const cause = this.#lastFailure;
    const why = cause === undefined ? '' : ` (${reasonOf(cause)})`;
    const message = isSent
      ? `The Kafka cluster of ${busName} did not confirm within ${timeout} ms; the message may have arrived. Retry later.`
      : `The Kafka cluster of ${busName} could not be reached within ${timeout} ms${why}; the message was not sent. Retry later.`;
    return new UnavailableError('BUS_UNAVAILABLE', message, {
      parameters: { bus: busName },
      cause,
    });
  }

  #connected(): Promise<KafkaProducer> {
    this.#producer ??= this.#connect();
    return this.#producer;
  }

  async #connect(): Promise<KafkaProducer> {
    try {
      const producer = (await this.#options.driver()).producer({
        allowAutoTopicCreation: true,
        retry: noRetry,
      });
      await producer.connect();
      this.#everUp = true;
      return producer;
    } catch (error) {
      this.#producer = undefined;
      throw error;
    }
  }
}

function settle(pending: Pending, error?: Error): void {
  if (pending.settled) return;
  pending.settled = true;
  if (error === undefined) pending.resolve();
  else pending.reject(error);
}
