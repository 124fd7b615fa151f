import type { Format } from '../formats/format.js';

/**
 * The contract between Signalbox and a transport. A bus carries bytes under a routing key: it knows
 * nothing of events, so that signing, size limits, replay and a second transport share one byte image.
 * Every adapter passes the same conformance suite (`busConformance`).
 */
export interface Bus extends AsyncDisposable {
  /** Unique among the buses of one relay; written into outbox rows. */
  readonly name: string;
  /**
   * Where it publishes, without credentials: see `busTarget`. Two buses of one name and application must
   * have the same. Absent where there is nothing to compare, as of a bus within the process.
   */
  readonly target?: string;
  /** Capabilities of the adapter: check these, never the name. */
  readonly capabilities: BusCapabilities;
  /**
   * How events look on this bus: who publishes or subscribes to events through it follows this. Absent
   * when it has no wish of its own; then the format of `createSignalbox` goes.
   */
  readonly format?: Format;
  /** Reads and mends what could not be handled; present when `capabilities.deadLetters`. */
  readonly deadLetters?: DeadLetters;

  /**
   * Connects and declares the topology. Safe to call twice. Without it the first publish or subscribe
   * connects. Rejects with ConfigurationError (credentials, TLS, topology) or UnavailableError.
   */
  connect(): Promise<void>;

  /**
   * Resolves when the broker has taken responsibility for the message (a publisher confirm), never
   * before. Calls made in order for the same key reach each queue in that order. May be called many
   * times without waiting; applies back-pressure by delaying its promises, never by dropping.
   *
   * Rejects with `RefusedError` PUBLISH_REFUSED when the broker refuses this message for good
   * (retrying cannot help), and with BUS_UNAVAILABLE when it is away (retry later; the message may
   * have arrived, so a retry may duplicate it under the same id), and with RefusedError
   * ROUTING_KEY_TOO_LONG. One message's refusal never fails another's; calls made after one that
   * rejects may have passed it, so a caller that needs order awaits each before the next of its key.
   */
  publish(message: BusMessage): Promise<Published>;

  /**
   * Gives a message to one pool and to no other subscriber, whatever the pool's patterns: a replay, or
   * work that only this pool missed. Resolves when the broker has taken responsibility. The message
   * comes after what the pool already has, so handlers of resource events should compare revisions;
   * calls made in order for the same key reach the pool in that order.
   *
   * Rejects as `publish` does, and with RefusedError POOL_UNKNOWN when the pool does not exist: then
   * nothing was sent.
   */
  publishToPool(pool: string, message: BusMessage): Promise<void>;

  /**
   * Whether there is such a pool, with or without members: one that `publishToPool` would give to. Makes
   * and changes nothing. Rejects with UnavailableError when the broker is away.
   */
  hasPool(pool: string): Promise<boolean>;

  /**
   * Delivers messages whose key matches any of `patterns` (AMQP topic syntax) to `handler`. With a
   * `pool`, exactly one member of the pool handles each message, and the pool keeps its messages
   * while no member is there. Without one, the subscription is ephemeral: it sees what is published
   * from now on, vanishes with its subscriber, and drops what it cannot handle, having nowhere to keep
   * it. Survives reconnects until unsubscribed. A message that matches several patterns comes once.
   */
  subscribe(
    patterns: readonly string[],
    handler: DeliveryHandler,
    options?: SubscribeOptions,
  ): Promise<BusSubscription>;

  /** Waits for handlers under way, then disconnects. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Capabilities of an adapter. The conformance suite demands what is declared and lists what is not;
 * `docs/buses.md` shows the adapters beside each other.
 */
export interface BusCapabilities {
  /** `publish` reports whether any subscription wanted the message. Without it `routed` is always true. */
  readonly reportsUnroutable: boolean;
  /** Dead letters are kept by the transport: `bus.deadLetters` reads, redrives and drops them. */
  readonly deadLetters: boolean;
  /** Messages survive the process that published them. */
  readonly durable: boolean;
  /**
   * `redelivered` is true for whatever any member of the pool was handed before. Without it, it is true
   * for what this process was handed before, and what another had may come unmarked.
   */
  readonly marksRedelivered: boolean;
  /**
   * A pool gets what any of its members ever subscribed to. Without it each member takes by its own
   * patterns and passes over the rest, so all members must subscribe with the same.
   */
  readonly unitesPatterns: boolean;
  /**
   * `order` makes a difference, and a member that wants another than its pool has is refused. Without it
   * every pool keeps the order of each key over all its members, who share the keys among them.
   */
  readonly choosesOrder: boolean;
}

/** One message as it goes on the wire. */
export interface BusMessage {
  /** The routing key, at most 255 bytes. */
  readonly key: string;
  /** Stable over every redelivery; consumers deduplicate on it. */
  readonly id: string;
  readonly contentType: string;
  readonly headers: Readonly<Record<string, string | number | boolean>>;
  readonly body: Uint8Array;
  /** Key that order is kept by: the resource's uuid. Absent when the event concerns no resource. */
  readonly partitionKey?: string;
}

/** Result of a published message. */
export interface Published {
  /** False when no binding wanted the message. Always true where the transport cannot tell. */
  readonly routed: boolean;
}

/** One message as it reaches a handler. */
export interface Delivery extends BusMessage {
  /** 1 for the first try of this subscription, +1 for each retry. */
  readonly attempt: number;
  /** True when the broker delivered it before, to this or another member of the pool. */
  readonly redelivered: boolean;
  /** The pool it was delivered to; absent for an ephemeral subscription. */
  readonly pool?: string;
}

/**
 * Handles one delivery. Returning acknowledges it; throwing retries it by the subscription's policy,
 * and dead-letters it with the reason when the tries are used up; throwing `DeadLetterError`
 * dead-letters it at once. `signal` aborts when the subscription is closing.
 */
export type DeliveryHandler = (delivery: Delivery, signal: AbortSignal) => void | Promise<void>;

/** How a subscription consumes. */
export interface SubscribeOptions {
  /** Name of the pool to join; absent for an ephemeral subscription. */
  readonly pool?: string;
  /**
   * How many deliveries may be unacknowledged at once. Default 100; more is faster, fewer shares
   * work more evenly. At most 2000 (quorum queues).
   */
  readonly prefetch?: number;
  /**
   * How many deliveries are handled at once. Default 1. Deliveries of one `partitionKey` are always
   * handled one after another, in order.
   */
  readonly concurrency?: number;
  /**
   * How far the order of a `partitionKey` reaches in a pool.
   *
   * - `pool` (default): over the whole pool. One member is active, the others stand by and take over
   *   when it leaves or dies. Scale by raising `concurrency`.
   * - `member`: members share the work, and two of them may handle one key at the same time. For
   *   handlers that do not care about order, or that compare revisions.
   *
   * All members of a pool must agree. Without meaning for an ephemeral subscription.
   */
  readonly order?: 'pool' | 'member';
  /**
   * Bytes of a body at most. A larger one is put aside with its reason, untried and without being parsed.
   * Default for events 2 MiB, or eight times `maxPayload` where that is more; for `joinConsumerPool` 2 MiB;
   * for `bus.subscribe`, which parses nothing, 16 MiB. Compressed bodies may not inflate to more.
   */
  readonly maxIncoming?: number;
  /** When a failed delivery is tried again. Default 5 tries, from 200 ms on, doubling. */
  readonly retry?: RetryPolicy;
  /**
   * Called when an ephemeral subscription was lost and has been made again, so that what was published
   * between may have passed it unseen. What is published after the call is delivered. For whoever keeps
   * a view and must then read it anew. Never called for a pool, which keeps its messages.
   * It is not waited for; that it failed is told as `onMissedFailed`.
   */
  readonly onMissed?: () => unknown;
}

/**
 * When a failed delivery is tried again, and what happens meanwhile. Other keys go on, unless what all
 * handlers need is away.
 */
export interface RetryPolicy {
  /**
   * Tries in all, the first included, before the message is dead-lettered. Default 5. What fails because
   * something is away counts only with `unavailable: 'count'`.
   */
  readonly attempts?: number;
  /** Milliseconds before the second try. Default 200. Doubles with each further try. */
  readonly delay?: number;
  /** The longest delay in milliseconds. Default 30,000. */
  readonly maxDelay?: number;
  /**
   * Handling of later deliveries of the same `partitionKey` while a failed one waits.
   *
   * - `hold` (default): they wait behind it, so that the resource's order is kept.
   * - `release`: they go on, and the failed one comes when it is due; never two at a time. For
   *   handlers that do not care about order, or that compare revisions.
   */
  readonly order?: 'hold' | 'release';
  /**
   * Handling of a delivery whose handler fails because something is away: an error with `retryable: true`,
   * an `UnavailableError`, a refused or broken connection; see `docs/consuming.md`.
   *
   * - `wait` (default): it is tried with growing delays for as long as that lasts. After some failures in
   *   a row no handler begins, but one at a time as a probe, until one gets through. A message that fails
   *   so alone, while others get through, is dead-lettered after 25 minutes.
   * - `count`: it is tried as often as any other.
   */
  readonly unavailable?: 'wait' | 'count';
}

/** A live subscription. */
export interface BusSubscription extends AsyncDisposable {
  /** The topic patterns it was made with. */
  readonly patterns: readonly string[];
  /** The pool it is a member of; undefined for an ephemeral one. */
  readonly pool: string | undefined;
  /** True from `pause` to `resume`. */
  readonly paused: boolean;
  /**
   * Starts no more handlers, and resolves when those under way have returned (or `resume` comes
   * first). The subscription keeps its place: what was delivered to it, and not begun, waits with it,
   * an ephemeral one goes on collecting, and of an ordered pool it stays the active member. To leave
   * the work to others, unsubscribe. Safe to call twice.
   */
  pause(): Promise<void>;
  /** Goes on where it stopped. Safe to call twice; without meaning when it is not paused. */
  resume(): void;
  /**
   * Resolves when everything that was published to it so far is handled. Only a bus that keeps its
   * messages in this process has it: elsewhere they wait for another member or the next process. Rejects
   * with ClosedError once the subscription has ended.
   */
  caughtUp?(): Promise<void>;
  /**
   * Stops deliveries, waits for handlers under way, and removes what the subscription made: an
   * ephemeral one its queue and bindings, a pool member only itself. Safe to call twice. With
   * `{ removePool: true }` the pool's queue and bindings go too.
   */
  unsubscribe(options?: { readonly removePool?: boolean }): Promise<void>;
}

/** A message that could not be handled, with why. */
export interface DeadLetter {
  /** As it was published. */
  readonly message: BusMessage;
  /** The pool that could not handle it. */
  readonly pool: string;
  /** Message of the error that the handler threw, or reason given by the broker. */
  readonly reason: string;
  /** Tries in all; 0 when the broker gave up by itself, because consumers kept dying over it. */
  readonly attempts: number;
  /** UTC, ISO 8601. */
  readonly time: string;
  /** Error that the handler threw; absent when the broker gave up itself. */
  readonly error?: DeadLetterCause;
  /** Where the message came from, and who gave it up. */
  readonly origin: DeadLetterOrigin;
}

/** Cause of a dead letter that a handler threw: the cause of a `DeadLetterError`, where it has one. */
export interface DeadLetterCause {
  readonly name: string;
  readonly message: string;
  /** Its `code`, such as `ECONNREFUSED` or one of this package's, where it has one. */
  readonly code?: string;
}

/** Where a dead letter came from, and who gave it up; its routing key is the message's own. */
export interface DeadLetterOrigin {
  /** The exchange, topic or stream it was published to, where the transport has several. */
  readonly exchange?: string;
  /** The member of the pool, as `host:pid`; absent when the broker gave up by itself. */
  readonly member?: string;
}

/** Selection of dead letters of a pool. */
export interface DeadLetterSelection {
  /** Only messages with one of these ids; absent for all. */
  readonly ids?: readonly string[];
  /**
   * Only those whose reason is this one; `*` stands for any text, so that one pattern of
   * `groupDeadLetters` takes its whole group.
   */
  readonly reason?: string;
  /** At most so many, oldest first. Default 100. */
  readonly limit?: number;
}

/** How dead letters are redriven. */
export interface RedriveOptions {
  /** Called for each dead letter that the broker refuses for good, with its error. Must not throw. */
  readonly onRefused?: (letter: DeadLetter, error: Error) => void;
}

/** The dead letters of a bus. Each call rejects with UnavailableError when the broker is away. */
export interface DeadLetters {
  /** The dead letters of a pool, oldest first. They stay where they are. */
  read(pool: string, selection?: DeadLetterSelection): Promise<readonly DeadLetter[]>;
  /**
   * Gives dead letters to their pool again, and to no other: attempts start at 1. They come after what
   * the pool already has, so handlers of resource events should compare revisions. Resolves with how
   * many. A crash half-way may give one twice, and loses none. One that the broker refuses stays where it
   * is, is reported to `onRefused`, and holds up no other. Rejects with RefusedError POOL_UNKNOWN when
   * there are some and the pool was removed: they stay where they are.
   */
  redrive(pool: string, selection?: DeadLetterSelection, options?: RedriveOptions): Promise<number>;
  /** Deletes dead letters. Resolves with how many. */
  drop(pool: string, selection?: DeadLetterSelection): Promise<number>;
}
