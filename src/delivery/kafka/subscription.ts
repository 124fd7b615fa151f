import type { BusMessage, BusSubscription, DeliveryHandler } from '../bus/bus.js';
import { DeliveryDispatcher } from '../bus/delivery-dispatcher.js';
import type { HandlingFailure } from '../bus/handling-failure.js';
import type { BusNoticeListener } from '../bus/notice.js';
import type { SubscribeSettings } from '../bus/subscribe-settings.js';
import type { Unsettled } from '../bus/unsettled.js';
import { oversized } from '../bus/max-incoming.js';
import { WorkUntilEnd } from '../bus/work-until-end.js';
import { TopicTrie } from '../topic/topic-trie.js';
import type { ReceivedRecord } from './driver.js';
import type { RecordSink, SessionSettings } from './session-options.js';
import { ConsumerSession } from './session.js';
import type { KafkaNames } from './topics.js';
import { fromRecord } from './wire.js';

interface KafkaSubscriptionOptions {
  readonly names: KafkaNames;
  readonly patterns: readonly string[];
  readonly handler: DeliveryHandler;
  readonly settings: SubscribeSettings;
  readonly notify: BusNoticeListener;
  /** Settings shared by all sessions of the bus. */
  readonly session: SessionSettings;
  /** Messages that members of the pool in this process lost with their partitions. */
  readonly unsettled: Unsettled;
  /** Writes to the dead letters of the pool; resolves when they have the message. */
  readonly deadLetter: (
    pool: string,
    message: BusMessage,
    failure: HandlingFailure,
  ) => Promise<void>;
  /** How many processes may end with a record's handler under way, until it is dead-lettered. */
  readonly deliveryLimit: number;
  readonly removePool: (pool: string) => Promise<void>;
  readonly onEnd: () => void;
}

/** Records that are handled between two commits, about. */
const leastReserve = 1_000;

/**
 * One subscription: a session that reads the topic, and of a pool its own topic too; the patterns, which
 * Kafka does not know, are matched here; and the dispatcher that all adapters have.
 */
export class KafkaSubscription implements BusSubscription {
  readonly patterns: readonly string[];
  readonly pool: string | undefined;
  readonly #options: KafkaSubscriptionOptions;
  readonly #wanted = new TopicTrie<true>();
  readonly #dispatcher: DeliveryDispatcher;
  readonly #session: ConsumerSession;
  readonly #work = new WorkUntilEnd();
  readonly #label: string;
  #unsettled = 0;
  #epoch = 0;
  #paused = false;
  #ending: Promise<void> | undefined;

  constructor(options: KafkaSubscriptionOptions) {
    const { settings, patterns, notify, names } = options;
    this.#options = options;
    this.patterns = [...patterns];
    this.pool = settings.pool;
    this.#label = settings.pool ?? `ephemeral ${patterns.slice(0, 5).join(' ')}`;
    for (const pattern of patterns) this.#wanted.add(pattern, true);
    this.#dispatcher = new DeliveryDispatcher<BusMessage>({
      handler: options.handler,
      pool: settings.pool,
      concurrency: settings.concurrency,
      retry: settings.retry,
      notify,
      label: this.#label,
      unsettled: options.unsettled,
    });
    const { pool } = settings;
    this.#session = new ConsumerSession({
      ...options.session,
      group: pool === undefined ? undefined : names.group(pool),
      topics: pool === undefined ? [names.topic] : [names.topic, names.poolTopic(pool)],
      from: 'end',
      sink: this.#sink(),
      reserve: 2 * settings.prefetch + leastReserve,
      what: pool === undefined ? `read ${names.topic}` : `join the pool ${pool}`,
      onLost: (reason) => notify({ kind: 'resubscribing', subscription: this.#label, reason }),
      onBack: (missed) => this.#onBack(missed),
    });
  }

  /** Rejects with ConfigurationError or UnavailableError. */
  start(): Promise<void> {
    return this.#session.start();
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** It stays a member of its group, and keeps its partitions. */
  async pause(): Promise<void> {
    if (this.#ending !== undefined) return;
    this.#paused = true;
    await this.#dispatcher.pause();
  }

  resume(): void {
    if (this.#ending !== undefined || !this.#paused) return;
    this.#paused = false;
    this.#dispatcher.resume();
  }

  async unsubscribe({ removePool = false }: { readonly removePool?: boolean } = {}): Promise<void> {
    this.#ending ??= this.#end();
    await this.#ending;
    if (removePool && this.pool !== undefined) await this.#options.removePool(this.pool);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  async #end(): Promise<void> {
    this.#work.end();
    await this.#dispatcher.stop();
    await this.#session.stop();
    this.#options.onEnd();
  }

  #sink(): RecordSink {
    return {
      hasRoom: () => this.#unsettled < this.#options.settings.prefetch,
      busy: () => this.#dispatcher.running > 0,
      forget: () => {
        this.#dispatcher.forget();
        this.#epoch += 1;
        this.#unsettled = 0;
      },
      take: (record, topic, partition, done) => this.#take(record, topic, partition, done),
    };
  }

  #take(record: ReceivedRecord, topic: string, partition: number, done: () => void): void {
    const message = fromRecord(record, topic, partition);
    // What came by the pool's own topic was given to it, whatever its key.
    if (topic === this.#options.names.topic && this.#wanted.match(message.key).size === 0) {
      done();
      return;
    }
    const epoch = this.#epoch;
    this.#unsettled += 1;
    const acknowledge = (): void => {
      if (this.#epoch === epoch) this.#unsettled -= 1;
      done();
    };
    const { deliveryLimit } = this.#options;
    const begun = this.#session.begun(topic, partition, BigInt(record.offset), deliveryLimit);
    const failure = oversized(message.body.byteLength, this.#options.settings.maxIncoming);
    this.#dispatcher.accept({
      message,
      ...(begun === undefined ? {} : { begun }),
      ...(failure === undefined ? {} : { failure }),
      redelivered: this.#session.wasHandedOut(topic, partition, record.offset),
      identity: () => `${topic}/${partition}/${record.offset}`,
      mayBeKnown: true,
      acknowledge,
      giveUp: async (failure) => {
        await this.#work.run(this.#giveUp(message, failure));
        acknowledge();
      },
    });
  }

  async #giveUp(message: BusMessage, failure: HandlingFailure): Promise<void> {
    const { notify, deadLetter } = this.#options;
    const told = { subscription: this.#label, id: message.id, reason: failure.reason };
    if (this.pool === undefined) {
      notify({ kind: 'dropped', ...told });
      return;
    }
    // Written first and committed then: a crash between leaves it in both places, never in none.
    await deadLetter(this.pool, message, failure);
    notify({ kind: 'deadLettered', ...told });
  }

  #onBack(missed: boolean): void {
    this.#options.notify({ kind: 'resubscribed', subscription: this.#label });
    if (missed && this.pool === undefined) this.#options.settings.onMissed();
  }
}
