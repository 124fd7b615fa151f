import type { Msg, NatsConnection, Subscription } from '@nats-io/transport-node';
import type { BusMessage, BusSubscription, Delivery, DeliveryHandler } from '../bus/bus.js';
import { DeliveryDispatcher } from '../bus/delivery-dispatcher.js';
import { untried, type HandlingFailure } from '../bus/handling-failure.js';
import { endsInTime } from '../kit/in-time.js';
import type { BusNoticeListener } from '../bus/notice.js';
import type { Unsettled } from '../bus/unsettled.js';
import type { SubscribeSettings } from '../bus/subscribe-settings.js';
import { oversized } from '../bus/max-incoming.js';
import { WorkUntilEnd } from '../bus/work-until-end.js';
import { TopicTrie } from '../topic/topic-trie.js';
import { deliveryFacts, giveBack, keepWorking } from './acknowledgement.js';
import type { BegunMarks } from './begun-marks.js';
import type { NatsConnector } from './connection.js';
import { addEphemeralConsumer, declarePoolConsumers, poolExists, removePool } from './consumers.js';
import { EphemeralCursor } from './ephemeral-cursor.js';
import { AckedMessages } from './acked-messages.js';
import { deliveryHeaders } from './header-block.js';
import { InFlight } from './in-flight.js';
import { jetStreamError, messageOf } from './nats-error.js';
import type { NatsNames } from './names.js';
import type { NatsSettings } from './options.js';
import { PoolHandover } from './pool-handover.js';
import { PoolLease, type Succession } from './pool-lease.js';
import { PoolCursor } from './pool-cursor.js';
import { Puller, type PullerStart } from './puller.js';
import { declareStreams } from './streams.js';
import { keyOf } from './subject.js';
import { receiveNatsMessage } from './wire.js';

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
  /** Messages that members of the pool in this process lost with their lease. */
  readonly unsettled: Unsettled;
  /** Marks of handlers that have begun; absent for an ephemeral subscription. */
  readonly marks: BegunMarks | undefined;
  /** Resolves when the dead letters of the pool have the message. */
  readonly deadLetter: (
    pool: string,
    message: BusMessage,
    failure: HandlingFailure,
  ) => Promise<void>;
  /** Told of each message that comes, by its number in the stream. */
  readonly onNumber: (sequence: number, id: string) => void;
  readonly onEnd: () => void;
}

/** Milliseconds that a request for messages waits at the server. */
const patience = 30_000;

/** Milliseconds that a member which leaves gives the servers for all that it must tell them. */
const leavePatience = 10_000;

/** An ephemeral consumer is made anew each time, and for nobody else. */
const fromTheBeginning: PullerStart = { turn: 0, sequence: 0, returning: 0 };

/** One subscription: a durable consumer that it shares with its pool, or one of its own. */
export class NatsSubscription implements BusSubscription {
  readonly patterns: readonly string[];
  readonly pool: string | undefined;
  readonly #options: NatsSubscriptionOptions;
  readonly #label: string;
  readonly #wanted = new TopicTrie<true>();
  readonly #dispatcher: DeliveryDispatcher;
  readonly #lease: PoolLease | undefined;
  readonly #handover: PoolHandover | undefined;
  readonly #inHand = new InFlight();
  readonly #handled: AckedMessages;
  readonly #place = new EphemeralCursor();
  readonly #poolPlace = new PoolCursor();
  readonly #stopListening: () => void;
  readonly #work = new WorkUntilEnd();
  #pullers: readonly Puller[] = [];
  #ephemeral: string | undefined;
  #working: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** The last making of what was missing: the next begins behind it. */
  #declaring: Promise<unknown> = Promise.resolve();
  /** How many restores are under way. */
  #restores = 0;
  /** Hears that the stream was deleted. */
  #deletions: Subscription | undefined;
  #paused = false;
  #opening = false;
  /** How often this member has stopped being the active one. */
  #steppedDown = 0;
  /** True while something may be at the server that must come before what comes next. */
  #behind = false;
  #ending: Promise<void> | undefined;

  constructor(options: NatsSubscriptionOptions) {
    const { patterns, settings, notify, connector, names, bus, member } = options;
    this.#options = options;
    this.patterns = [...patterns];
    this.pool = settings.pool;
    this.#handled = new AckedMessages({
      remembers: settings.pool !== undefined && this.#isOrdered(),
    });
    this.#label = settings.pool ?? `ephemeral ${patterns.slice(0, 5).join(' ')}`;
    for (const pattern of patterns) this.#wanted.add(pattern, true);
    this.#dispatcher = new DeliveryDispatcher<BusMessage>({
      handler: (delivery, signal) => this.#handle(delivery, signal),
      pool: settings.pool,
      concurrency: settings.concurrency,
      retry: settings.retry,
      notify,
      label: this.#label,
      unsettled: options.unsettled,
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
    this.#handover =
      settings.pool === undefined
        ? undefined
        : new PoolHandover({
            connector,
            names,
            pool: settings.pool,
            ackWait: bus.ackWait,
            requestExpires: this.#requestExpires,
            place: this.#poolPlace,
            inHandOf: (consumer) => this.#inHand.of(consumer),
            isActive: () => this.#ending === undefined && this.#lease?.held === true,
          });
    const listening = [
      // What is said from now on is lost, or the first that another stream hears.
      connector.onGone(() => this.#doubt()),
      connector.onBack(() => {
        this.#handover?.forget();
        // The server may have come back without its streams, and others may have made them.
        this.#doubt();
        void this.#look();
        this.#pullers.forEach((each) => each.restart());
      }),
    ];
    this.#stopListening = () => listening.forEach((stop) => stop());
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Sets it up for the first time. Rejects with ConfigurationError or UnavailableError. */
  async start(): Promise<void> {
    const { bus, settings } = this.#options;
    try {
      await this.#declare();
      await this.#hearDeletions();
      if (this.#lease !== undefined && settings.order === 'pool') {
        this.#lease.start({
          acquired: (succession) => this.#consume(succession),
          lost: () => this.#stepDown(),
          missing: () => this.#lost('the records of the pools are gone'),
        });
      } else {
        await this.#open();
      }
    } catch (error) {
      this.#stopListening();
      this.#deletions?.unsubscribe();
      // What it heard meanwhile must not bring it to life.
      this.#ending ??= Promise.resolve();
      throw error;
    }
    this.#working = setInterval(() => void this.#keepWorking(), bus.ackWait / 2);
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
    await connector.unlessGone(removePool(manager, names, this.pool)).catch((error: unknown) => {
      throw jetStreamError(error, this.#label);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#retry);
    this.#work.end();
    await Promise.all([this.#drain(), this.#dispatcher.stop()]);
    // What it has then not given back comes to others when its time is over.
    await endsInTime(this.#leave(), leavePatience);
    clearInterval(this.#working);
    this.#stopListening();
    this.#deletions?.unsubscribe();
    this.#inHand.releaseAll();
    this.#options.onEnd();
  }

  async #leave(): Promise<void> {
    const { connector, names } = this.#options;
    // It would make again what is removed next.
    await this.#declaring;
    clearInterval(this.#working);
    const link = await connector.ready().catch(() => undefined);
    const isBack = await this.#giveBack(link?.nats);
    // Not before: what handlers finish meanwhile must not be said to another stream.
    this.#stopListening();
    this.#deletions?.unsubscribe();
    await this.#lease?.release(isBack && !this.#behind);
    if (this.#ephemeral !== undefined) {
      await link?.manager.consumers.delete(names.stream, this.#ephemeral).catch(() => false);
    }
  }

  /** Resolves with true when the server has everything back, and knows of all that was handled. */
  async #giveBack(nats: NatsConnection | undefined): Promise<boolean> {
    // Asked how it is, the server drops requests that nobody waits for any more. NATS 2.9 else takes what is
    // given back to be the answer of such a request, finds nobody there, and hands it out when its time is
    // over: behind all that was to come after it.
    const answer = await this.#ask();
    // In their order: what is given back is handed out before anything later, as it came.
    const left = this.#inHand.releaseAll();
    if (nats === undefined || this.#handled.inDoubt) return false;
    const told = await Promise.all([
      ...left.map((delivery) => giveBack(nats, delivery)),
      // Who comes next waits for what seems to be still out.
      this.#lease?.held !== true || this.#handled.confirm(nats),
    ]);
    return answer === 'known' && told.every(Boolean);
  }

  async #drain(): Promise<void> {
    const pullers = this.#pullers;
    if (pullers.some(({ missing }) => missing > 0)) this.#behind = true;
    this.#pullers = [];
    const drained = await Promise.all(pullers.map((puller) => puller.drain()));
    if (!drained.every(Boolean)) this.#behind = true;
  }

  /** Hears at once that somebody deletes the stream; without the permission to, by asking now and then. */
  async #hearDeletions(): Promise<void> {
    if (this.pool === undefined) return;
    const { connector, names } = this.#options;
    const { nats } = await connector.ready();
    this.#deletions = nats.subscribe(`$JS.EVENT.ADVISORY.STREAM.DELETED.${names.stream}`, {
      callback: (error) => {
        if (error === null) this.#lost('the stream was deleted');
      },
    });
  }

  /** The pool may be in another stream. An ephemeral subscription's consumer is its own, and gone with its stream. */
  #doubt(): void {
    if (this.pool !== undefined) this.#handled.doubt();
  }

  /** Asks the servers about the pool. */
  async #ask(): Promise<'known' | 'gone' | 'away'> {
    const { doubts } = this.#handled;
    const answer = (await this.#handover?.note()) ?? 'away';
    if (typeof answer === 'string') return answer;
    this.#handled.trust(doubts);
    for (const puller of this.#pullers) puller.pull();
    return 'known';
  }

  /** Members that wait do so too: they may be the first to see that the consumers are gone. */
  async #look(): Promise<void> {
    const answer = await this.#ask();
    if (answer === 'gone' && this.#restores === 0) this.#lost('the consumers are gone');
  }

  /**
   * Makes what is missing: streams, and the pool or a consumer of one's own. Resolves with true when
   * messages may have passed an ephemeral subscription.
   *
   * @param anew Whether all was there before.
   */
  async #declare({ anew = false } = {}): Promise<boolean> {
    const { connector, names, bus, patterns } = this.#options;
    const { manager } = await connector.ready();
    const declared = async (): Promise<boolean> => {
      await declareStreams(manager, names, bus, { anew });
      if (this.pool === undefined) {
        const stream = await manager.streams.info(names.stream);
        const { after, missed } = this.#place.startIn(stream);
        this.#ephemeral = await addEphemeralConsumer(manager, names, patterns, after, bus);
        this.#place.began(stream);
        return missed;
      }
      const place = this.#poolPlace;
      const known = await this.#lease?.declare(await poolExists(manager, names, this.pool));
      if (known !== undefined) place.noteKnown(known);
      const { stream } = place;
      const { doubts } = this.#handled;
      try {
        await declarePoolConsumers(manager, names, this.pool, patterns, bus, place);
      } finally {
        if (stream !== place.stream) {
          // An answer would be one to whatever has its place in the new stream.
          this.#inHand.releaseAll();
          this.#handled.forget();
        }
      }
      this.#handled.trust(doubts);
      return false;
    };
    return connector.unlessGone(declared()).catch((error: unknown) => {
      throw jetStreamError(error, this.#label);
    });
  }

  /** @param succession Of an ordered pool's active member: nothing is begun that something must precede. */
  async #open(succession: Succession = 'regained'): Promise<void> {
    const { connector, names } = this.#options;
    if (this.#opening) return;
    this.#opening = true;
    const steppedDown = this.#steppedDown;
    let starts: ReadonlyMap<string, PullerStart> | undefined;
    try {
      if (this.#isExclusive()) {
        // Who leaves before it began leaves all as it was.
        this.#behind = succession !== 'handed over';
        starts = await this.#handover?.settled(succession);
      }
    } finally {
      this.#opening = false;
    }
    if (this.#isExclusive() && (starts === undefined || steppedDown !== this.#steppedDown)) {
      // The record may have been regained meanwhile, and nobody tells of it again.
      if (this.#ending === undefined && this.#lease?.held === true) await this.#open('regained');
      return;
    }
    const { nats } = await connector.ready();
    if (this.#ending !== undefined || this.#pullers.length > 0) return;
    if (this.#isExclusive() && this.#lease?.held !== true) return;
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
          expires: this.#isExclusive() ? this.#requestExpires : patience,
          start: this.pool === undefined ? fromTheBeginning : starts?.get(consumer),
          patience: this.#options.bus.ackWait,
          has: (identity) => this.#inHand.has(identity),
          room: () => this.#room(),
          onDelivery: (delivery) => this.#receive(delivery),
          onLost: (reason) => this.#lost(reason),
        }),
    );
    this.#behind = false;
    for (const puller of this.#pullers) puller.pull();
  }

  #consume(succession: Succession): void {
    void this.#open(succession).catch((error: unknown) => this.#lost(messageOf(error)));
  }

  #isDirect({ subject }: Msg): boolean {
    return subject.startsWith(`${this.#options.names.stream}.pool.`);
  }

  /** So short that they are over when another takes the place of a member that was not heard of. */
  get #requestExpires(): number {
    return this.#options.bus.ackWait / 2;
  }

  /** Somebody else may be the active member by now: nothing more is begun, and nothing kept in hand. */
  #stepDown(): void {
    this.#steppedDown += 1;
    // Whoever comes next waits for nothing of this one.
    this.#handled.forgetLast();
    void this.#drain();
    this.#dispatcher.forget();
    this.#inHand.releaseAll();
  }

  /** A consumer was deleted, or nobody answers for it: it is made again, until that succeeds. */
  #lost(reason: string): void {
    this.#doubt();
    if (this.#ending !== undefined || this.#retry !== undefined) return;
    this.#options.notify({ kind: 'resubscribing', subscription: this.#label, reason });
    this.#behind = this.#isExclusive();
    this.#handled.forgetLast();
    void this.#drain();
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#restores += 1;
      void this.#restore()
        .catch((error: unknown) => this.#lost(messageOf(error)))
        .finally(() => (this.#restores -= 1));
    }, 250);
  }

  async #restore(): Promise<void> {
    const { notify, settings } = this.#options;
    // One after another, and none once the end has begun.
    const declaring = this.#declaring.then(
      () => this.#ending === undefined && this.#declare({ anew: true }),
    );
    this.#declaring = declaring.catch(() => undefined);
    const missed = await declaring;
    if (this.#ending !== undefined) return;
    notify({ kind: 'resubscribed', subscription: this.#label });
    if (missed) settings.onMissed();
    if (settings.order === 'member' || this.pool === undefined || this.#lease?.held === true) {
      await this.#open();
    }
  }

  #room(): number {
    // What would come then would be taken by nobody, and behind it what another member asks for.
    if (this.#isExclusive() && this.#lease?.held !== true) return 0;
    // What cannot be acknowledged comes again, and again, until it is put aside.
    if (this.#handled.inDoubt) return 0;
    return this.#options.settings.prefetch - this.#inHand.size;
  }

  #receive(delivery: Msg): void {
    const facts = deliveryFacts(delivery.reply);
    if (facts === undefined) return;
    const { consumer, sequence, count, identity } = facts;
    if (this.#isExclusive() && this.#lease?.held !== true) return;
    // It came again while it is in hand, because this process was too slow to say so.
    if (!this.#inHand.take(facts, delivery)) return;
    this.#place.note(sequence);
    const stream = this.#poolPlace.stream;
    const direct = this.#isDirect(delivery);
    const key = keyOf(delivery.subject, direct ? 3 : 2);
    const done = (): void => {
      const newest = this.#inHand.release(identity) ?? delivery;
      if (stream === this.#poolPlace.stream) this.#handled.say(newest);
      for (const puller of this.#pullers) puller.pull();
    };
    if (!direct && this.#wanted.match(key).size === 0) {
      done();
      return;
    }
    const { message, unreadable } = receiveNatsMessage(key, delivery.data, () =>
      deliveryHeaders(delivery),
    );
    this.#options.onNumber(sequence, message.id);
    const failure =
      unreadable !== undefined
        ? untried(`its headers cannot be read: ${unreadable.message}`)
        : oversized(message.body.byteLength, this.#options.settings.maxIncoming);
    const begun = count > 1 ? this.#options.marks?.of(`${consumer} ${identity}`) : undefined;
    this.#dispatcher.accept({
      message,
      redelivered: count > 1,
      identity: () => identity,
      // A server takes back what it could not send, and counts anew.
      mayBeKnown: true,
      ...(begun === undefined ? {} : { begun }),
      ...(failure === undefined ? {} : { failure }),
      acknowledge: done,
      giveUp: (why) => this.#work.run(this.#giveUp(message, why, done)),
    });
  }

  #isOrdered(): boolean {
    return this.#options.settings.order === 'pool';
  }

  /** True when one member at a time is handed messages. */
  #isExclusive(): boolean {
    return this.#lease !== undefined && this.#isOrdered();
  }

  async #handle(delivery: Delivery, signal: AbortSignal): Promise<void> {
    if (this.#isExclusive() && this.#lease?.held !== true) {
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

  async #keepWorking(): Promise<void> {
    const looking = this.#look();
    // Unanswered until the next time, what is in hand would come again.
    if (this.#handled.inDoubt) await looking;
    if (this.#handled.inDoubt || (this.#isExclusive() && this.#lease?.held !== true)) return;
    for (const delivery of this.#inHand.deliveries()) keepWorking(delivery);
    // Where the record was renewed at the last moment, nobody else asks again.
    for (const puller of this.#pullers) puller.pull();
  }
}
