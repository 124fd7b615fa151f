import {
  createInbox,
  nanos,
  type Msg,
  type NatsConnection,
  type Subscription,
} from '@nats-io/transport-node';
import { deliveryFacts } from './acknowledgement.js';
import { messageOf } from './nats-error.js';
import { Redeliveries } from './redeliveries.js';

/** Where a consumer is that hands out to nobody else, when its first message is asked for. */
export interface PullerStart {
  /** How much it has handed out so far, to anybody. */
  readonly turn: number;
  /** How far in the stream that was; what is behind it is new. */
  readonly sequence: number;
  /** How many messages that it has handed out come again, besides those in hand. */
  readonly returning: number;
}

export interface PullerOptions {
  readonly nats: NatsConnection;
  readonly stream: string;
  readonly consumer: string;
  /** Milliseconds that one request waits for messages at the server. */
  readonly expires: number;
  /** Given where all must come in its order. */
  readonly start: PullerStart | undefined;
  /** Milliseconds, from the first request on, after which nothing more comes again. */
  readonly patience: number;
  /** Whether the message of this identity is in hand. */
  readonly has: (identity: string) => boolean;
  /** How many more deliveries may be in hand. */
  readonly room: () => number;
  readonly onDelivery: (delivery: Msg) => void;
  /**
   * The consumer is gone, the server does not answer for it, or something that was handed out got lost on
   * the way: what comes behind that is not delivered. Called once; the puller has stopped.
   */
  readonly onLost: (reason: string) => void;
}

/** Milliseconds beyond, after which the request is taken for lost. */
const grace = 3_000;
/** Milliseconds that the server may take to have sent all that was on its way. */
const drainPatience = 2_000;
/** Messages that wait for what must come before them; they are in memory. */
const mostKept = 100_000;
/** Milliseconds before a request that was refused for now is made again. */
const refusedDelay = 250;

/**
 * Asks a consumer for as many messages as there is room for, again and again. It speaks the protocol of
 * JetStream itself, because whoever leaves an ordered pool must know that nothing more is on its way:
 * `drain` tells, and the client's own fetch does not.
 *
 * @see https://docs.nats.io/reference/reference-protocols/nats_api_reference
 */
export class Puller {
  readonly #options: PullerOptions;
  readonly #inbox = createInbox();
  readonly #subscription: Subscription;
  #outstanding = 0;
  #turn: number | undefined;
  readonly #returning: Redeliveries<Msg>;
  /** Whether a request was over since anything came. */
  #waited = false;
  #timer: NodeJS.Timeout | undefined;
  #giveUp: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: PullerOptions) {
    this.#options = options;
    this.#turn = options.start?.turn;
    this.#returning = new Redeliveries(options.start?.returning ?? 0);
    this.#subscription = options.nats.subscribe(this.#inbox, {
      callback: (error, message) => {
        if (error !== null) return;
        try {
          this.#receive(message);
        } catch (thrown) {
          // Thrown on, it would end the reading of the client, who would neither hear nor tell any more.
          this.#lose(messageOf(thrown));
        }
      },
    });
  }

  /** How many that were handed out before have not come again. */
  get missing(): number {
    return this.#returning.missing;
  }

  /** Asks for more if nothing is asked for and there is room. */
  pull(): void {
    const { nats, stream, consumer, room, expires } = this.#options;
    if (this.#stopped || this.#outstanding > 0) return;
    const free = room();
    if (free < 1) return;
    const batch = this.missing > 0 ? this.missing : free;
    if (this.missing > 0) {
      this.#giveUp ??= setTimeout(() => this.#endReturning(), this.#options.patience);
    }
    this.#outstanding = batch;
    this.#again(expires + grace);
    nats.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
      JSON.stringify({ batch, expires: nanos(expires) }),
      { reply: this.#inbox },
    );
  }

  /** Asks anew: what was asked for may have gone with a connection. */
  restart(): void {
    this.#outstanding = 0;
    this.pull();
  }

  /**
   * Asks for no more, and resolves with true when all that was on its way has been delivered, or with false
   * when the server does not say so in time. Never rejects.
   */
  async drain(): Promise<boolean> {
    this.#stop();
    let timer: NodeJS.Timeout | undefined;
    const drained = await Promise.race([
      this.#subscription.drain().then(
        () => true,
        // It is closed already.
        () => true,
      ),
      new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), drainPatience))),
    ]);
    clearTimeout(timer);
    if (!drained) this.#subscription.unsubscribe();
    return drained;
  }

  #receive(message: Msg): void {
    // The headers of a message are read by whoever takes it: they may be such as the client cannot read.
    const isDelivery = message.reply?.startsWith('$JS.ACK.') === true;
    const code = isDelivery ? 0 : (message.headers?.code ?? 0);
    if (code === 0) {
      this.#outstanding = Math.max(0, this.#outstanding - 1);
      this.#waited = false;
      if (this.#follows(message)) this.#deliver(message);
      else this.#lose('messages were lost on their way here');
      this.pull();
      return;
    }
    if (code === 100) return;
    const description = message.headers?.description ?? '';
    this.#outstanding = 0;
    if (code === 503 || /deleted/i.test(description)) this.#lose(`${code} ${description}`.trim());
    else if (code === 408 || code === 404) {
      // A server with much to do may be late once; then it has no more, whatever it said before.
      if (this.#waited) this.#endReturning();
      else this.pull();
      this.#waited = true;
    } else this.#again(refusedDelay);
  }

  #deliver(message: Msg): void {
    const { onDelivery, has, start } = this.#options;
    const facts = deliveryFacts(message.reply);
    if (this.missing === 0 || facts === undefined || has(facts.identity)) {
      onDelivery(message);
      return;
    }
    const { sequence, count } = facts;
    // Its count alone does not tell: a server takes back what it could not send, and counts anew.
    const isNew = count === 1 && sequence > (start?.sequence ?? 0);
    this.#returning.take(sequence, message, isNew).forEach(onDelivery);
    if (this.#returning.size > mostKept) this.#lose('too much came before what was to come again');
  }

  #endReturning(): void {
    clearTimeout(this.#giveUp);
    // What is missing before them will come to another member: so must they.
    if (this.#stopped) return;
    this.#returning.end().forEach(this.#options.onDelivery);
    this.pull();
  }

  /** Whether a delivery is in order: a missing message is redelivered after its ack wait, behind this one. */
  #follows({ reply }: Msg): boolean {
    const turn = deliveryFacts(reply)?.turn;
    if (this.#turn === undefined || turn === undefined) return true;
    const follows = turn === this.#turn + 1;
    this.#turn = turn;
    return follows;
  }

  #again(delay: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      try {
        this.restart();
      } catch (error) {
        this.#lose(messageOf(error));
      }
    }, delay);
  }

  #lose(reason: string): void {
    if (this.#stopped) return;
    this.#stop();
    this.#subscription.unsubscribe();
    this.#options.onLost(reason);
  }

  #stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#giveUp);
  }
}
