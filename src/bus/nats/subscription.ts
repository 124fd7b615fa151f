import type { Msg } from '@nats-io/transport-node';
import type { BusMessage, BusSubscription, Delivery, DeliveryHandler } from '../bus.js';
import { DeliveryDispatcher, type HandlingFailure } from '../delivery-dispatcher.js';
import type { BusNoticeListener } from '../notice.js';
import type { SubscribeSettings } from '../subscribe-settings.js';
import { TopicTrie } from '../topic/topic-trie.js';
import { acknowledge, deliveryFacts, giveBack, keepWorking } from './acknowledgement.js';
import type { NatsConnector } from './connection.js';
import {
  addEphemeralConsumer,
  declarePoolConsumers,
  notePoolPlace,
  removePool,
} from './consumers.js';
import { EphemeralPlace } from './ephemeral-place.js';
import { jetStreamError, messageOf } from './nats-error.js';
import type { NatsNames } from './names.js';
import type { NatsSettings } from './options.js';
import { PoolLease } from './pool-lease.js';
import { PoolPlace } from './pool-place.js';
import { Puller } from './puller.js';
import { declareStreams } from './streams.js';
import { keyOf } from './subject.js';
import { readNatsMessage } from './wire.js';

export interface NatsSubscriptionOptions {
  readonly connector: NatsConnector;
  readonly names: NatsNames;
  readonly bus: NatsSettings;
  readonly patterns: readonly string[];
  readonly handler: DeliveryHandler;
  readonly settings: SubscribeSettings;
  /** Unique: two subscriptions of one process are two members. */
  readonly member: string;
  readonly notify: BusNoticeListener;
  /** Resolves when the dead letters of the pool have the message. */
  readonly deadLetter: (
    pool: string,
    message: BusMessage,
    failure: HandlingFailure,
  ) => Promise<void>;
  readonly onEnd: () => void;
}

/** One subscription: a durable consumer that it shares with its pool, or one of its own. */
export class NatsSubscription implements BusSubscription {
  readonly patterns: readonly string[];
  readonly pool: string | undefined;
  readonly #options: NatsSubscriptionOptions;
  readonly #label: string;
  readonly #wanted = new TopicTrie<true>();
  readonly #dispatcher: DeliveryDispatcher;
  readonly #lease: PoolLease | undefined;
  /** What the server waits for, by its place in the stream; the newest delivery is answered. */
  readonly #inHand = new Map<number, Msg>();
  readonly #place = new EphemeralPlace();
  readonly #poolPlace = new PoolPlace();
  readonly #stopListening: () => void;
  #pullers: readonly Puller[] = [];
  #ephemeral: string | undefined;
  #working: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #paused = false;
  #ending: Promise<void> | undefined;

  constructor(options: NatsSubscriptionOptions) {
    const { patterns, settings, notify, connector, names, bus, member } = options;
    this.#options = options;
    this.patterns = [...patterns];
    this.pool = settings.pool;
    this.#label = settings.pool ?? `ephemeral ${patterns.slice(0, 5).join(' ')}`;
    for (const pattern of patterns) this.#wanted.add(pattern, true);
    this.#dispatcher = new DeliveryDispatcher<BusMessage>({
      handler: (delivery, signal) => this.#handle(delivery, signal),
      pool: settings.pool,
      concurrency: settings.concurrency,
      retry: settings.retry,
      onRetry: ({ id, attempt }, delay, error) =>
        notify({ kind: 'retrying', subscription: this.#label, id, attempt, delay, error }),
    });
    this.#lease =
      settings.pool === undefined
        ? undefined
        : new PoolLease({
            connector,
            names,
            pool: settings.pool,
            order: settings.order,
            member,
            ackWait: bus.ackWait,
          });
    this.#stopListening = connector.onBack(() => this.#pullers.forEach((each) => each.restart()));
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Sets it up for the first time. Rejects with ConfigurationError or UnavailableError. */
  async start(): Promise<void> {
    const { bus, settings } = this.#options;
    try {
      await this.#declare();
      if (this.#lease !== undefined && settings.order === 'pool') {
        this.#lease.start({ acquired: () => this.#consume(), lost: () => this.#stepDown() });
      } else {
        await this.#open();
      }
    } catch (error) {
      this.#stopListening();
      throw error;
    }
    this.#working = setInterval(() => this.#keepWorking(), bus.ackWait / 2);
  }

  async pause(): Promise<void> {
    this.#paused = true;
    await this.#dispatcher.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#dispatcher.resume();
  }

  async unsubscribe(options: { readonly removePool?: boolean } = {}): Promise<void> {
    this.#ending ??= this.#end();
    await this.#ending;
    if (options.removePool !== true || this.pool === undefined) return;
    const { connector, names } = this.#options;
    const { manager } = await connector.ready();
    await removePool(manager, names, this.pool);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  async #end(): Promise<void> {
    const { connector, names, onEnd } = this.#options;
    this.#stopListening();
    clearTimeout(this.#retry);
    await Promise.all([this.#drain(), this.#dispatcher.stop()]);
    clearInterval(this.#working);
    // In their order: what is given back is handed out before anything later, as it came.
    const link = await connector.ready().catch(() => undefined);
    const left = [...this.#inHand].toSorted(([a], [b]) => a - b);
    this.#inHand.clear();
    if (link !== undefined) {
      await Promise.all(left.map(([, delivery]) => giveBack(link.nats, delivery)));
    }
    await this.#lease?.release();
    if (this.#ephemeral !== undefined) {
      await link?.manager.consumers.delete(names.stream, this.#ephemeral).catch(() => false);
    }
    onEnd();
  }

  async #drain(): Promise<void> {
    const pullers = this.#pullers;
    this.#pullers = [];
    await Promise.all(pullers.map((puller) => puller.drain()));
  }

  /**
   * Makes what is missing: streams, and the pool or a consumer of one's own. Resolves with true when
   * messages may have passed an ephemeral subscription.
   */
  async #declare(): Promise<boolean> {
    const { connector, names, bus, patterns } = this.#options;
    const { manager } = await connector.ready();
    const declared = async (): Promise<boolean> => {
      await declareStreams(manager, names, bus);
      if (this.pool === undefined) {
        const stream = await manager.streams.info(names.stream);
        const { after, missed } = this.#place.startIn(stream);
        this.#ephemeral = await addEphemeralConsumer(manager, names, patterns, after, bus);
        this.#place.began(stream);
        return missed;
      }
      await this.#lease?.declare();
      await declarePoolConsumers(manager, names, this.pool, patterns, bus, this.#poolPlace);
      return false;
    };
    return connector.unlessGone(declared()).catch((error: unknown) => {
      throw jetStreamError(error, this.#label);
    });
  }

  async #open(): Promise<void> {
    const { connector, names } = this.#options;
    const { nats } = await connector.ready();
    if (this.#ending !== undefined || this.#pullers.length > 0) return;
    const consumers =
      this.pool === undefined
        ? [this.#ephemeral ?? '']
        : [names.directConsumer(this.pool), names.consumer(this.pool)];
    this.#pullers = consumers.map(
      (consumer) =>
        new Puller({
          nats,
          stream: names.stream,
          consumer,
          room: () => this.#room(),
          onDelivery: (delivery) => this.#receive(delivery),
          onLost: (reason) => this.#lost(reason),
        }),
    );
    for (const puller of this.#pullers) puller.pull();
  }

  #consume(): void {
    void this.#open().catch((error: unknown) => this.#lost(messageOf(error)));
  }

  /** Somebody else may be the active member by now: nothing more is begun, and nothing kept in hand. */
  #stepDown(): void {
    void this.#drain();
    this.#dispatcher.forget();
    this.#inHand.clear();
  }

  /** A consumer was deleted, or nobody answers for it: it is made again, until that succeeds. */
  #lost(reason: string): void {
    if (this.#ending !== undefined) return;
    this.#options.notify({ kind: 'resubscribing', subscription: this.#label, reason });
    void this.#drain();
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      void this.#restore().catch((error: unknown) => this.#lost(messageOf(error)));
    }, 250);
  }

  async #restore(): Promise<void> {
    const { notify, settings } = this.#options;
    const missed = await this.#declare();
    if (this.#ending !== undefined) return;
    notify({ kind: 'resubscribed', subscription: this.#label });
    if (missed) settings.onMissed();
    if (settings.order === 'member' || this.pool === undefined || this.#lease?.held === true) {
      await this.#open();
    }
  }

  #room(): number {
    return this.#options.settings.prefetch - this.#inHand.size;
  }

  #receive(delivery: Msg): void {
    const facts = deliveryFacts(delivery.reply);
    if (facts === undefined) return;
    const { sequence, count } = facts;
    if (this.#lease !== undefined && this.#isOrdered() && !this.#lease.held) return;
    const had = this.#inHand.has(sequence);
    this.#inHand.set(sequence, delivery);
    // It came again while it is in hand, because this process was too slow to say so.
    if (had) return;
    this.#place.note(sequence);
    const { names, bus } = this.#options;
    const direct = delivery.subject.startsWith(`${names.stream}.pool.`);
    const key = keyOf(delivery.subject, direct ? 3 : 2);
    const done = (): void => {
      const newest = this.#inHand.get(sequence) ?? delivery;
      this.#inHand.delete(sequence);
      acknowledge(newest);
      for (const puller of this.#pullers) puller.pull();
    };
    if (!direct && this.#wanted.match(key).size === 0) {
      done();
      return;
    }
    const message = readNatsMessage(key, delivery.headers, delivery.data);
    const giveUp = (failure: HandlingFailure): Promise<void> =>
      this.#giveUp(message, failure, done);
    if (this.pool !== undefined && count > bus.deliveryLimit) {
      const reason = `handed out ${count - 1} times and never handled: members died over it`;
      // Where that fails it comes once more, when its time at the server is over.
      void giveUp({ reason, attempts: 0, error: new Error(reason) }).catch(() => {
        this.#inHand.delete(sequence);
      });
      return;
    }
    this.#dispatcher.accept({ message, redelivered: count > 1, acknowledge: done, giveUp });
  }

  #isOrdered(): boolean {
    return this.#options.settings.order === 'pool';
  }

  async #handle(delivery: Delivery, signal: AbortSignal): Promise<void> {
    if (this.#lease !== undefined && this.#isOrdered() && !this.#lease.held) {
      // The process was asleep for longer than its lease, and the timer that tells has not fired yet.
      this.#stepDown();
      throw new Error('no longer the active member of the pool');
    }
    await this.#options.handler(delivery, signal);
  }

  async #giveUp(message: BusMessage, failure: HandlingFailure, done: () => void): Promise<void> {
    const { deadLetter, notify } = this.#options;
    const { id } = message;
    const { reason } = failure;
    if (this.pool === undefined) {
      notify({ kind: 'dropped', subscription: this.#label, id, reason });
    } else {
      await deadLetter(this.pool, message, failure);
      notify({ kind: 'deadLettered', subscription: this.#label, id, reason });
    }
    done();
  }

  #keepWorking(): void {
    void this.#notePlace();
    if (this.#lease !== undefined && this.#isOrdered() && !this.#lease.held) return;
    for (const delivery of this.#inHand.values()) keepWorking(delivery);
  }

  /** Members that wait do so too: they may be the first to see that the consumers are gone. */
  async #notePlace(): Promise<void> {
    const { connector, names } = this.#options;
    if (this.pool === undefined) return;
    try {
      const { manager } = await connector.ready();
      await notePoolPlace(manager, names, this.pool, this.#poolPlace);
    } catch {
      // Away or deleted: what was noted before stands, and whoever pulls finds out.
    }
  }
}
