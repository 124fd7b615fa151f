/**
 * The contract between Signalbox and a transport. A bus carries bytes under a routing key: it knows
 * nothing of events, so that signing, size limits, replay and a second transport share one byte image.
 * Every adapter passes the same conformance suite (`busConformance`).
 */
export interface Bus extends AsyncDisposable {
  /** Unique among the buses of one relay; written into outbox rows. */
  readonly name: string;
  readonly capabilities: BusCapabilities;

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
   * Rejects with `UnavailableError` PUBLISH_REFUSED when the broker refuses this message for good
   * (retrying cannot help), and with BUS_UNAVAILABLE when it is away (retry later; the message may
   * have arrived, so a retry may duplicate it under the same id). One message's refusal never fails
   * another's.
   */
  publish(message: BusMessage): Promise<Published>;

  /**
   * Delivers messages whose key matches any of `patterns` (AMQP topic syntax) to `handler`. With a
   * `pool`, exactly one member of the pool handles each message, and the pool keeps its messages
   * while no member is there. Without one, the subscription is ephemeral: it sees what is published
   * from now on, and vanishes with its subscriber. Survives reconnects until unsubscribed.
   */
  subscribe(
    patterns: readonly string[],
    handler: DeliveryHandler,
    options?: SubscribeOptions,
  ): Promise<BusSubscription>;

  /** Waits for handlers under way, then disconnects. Safe to call twice. */
  close(): Promise<void>;
}

/** What an adapter can do; the conformance suite demands what is declared and documents what is not. */
export interface BusCapabilities {
  /** `publish` reports whether any subscription wanted the message. */
  readonly reportsUnroutable: boolean;
  /** Dead letters are kept by the transport and can be read back with `readDeadLetters`. */
  readonly deadLetters: boolean;
  /** Messages survive the process that published them. */
  readonly durable: boolean;
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
  /** What order is kept for: the resource's uuid. Absent when the event concerns no resource. */
  readonly partitionKey?: string;
}

/** What the broker did with a published message. */
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
  readonly retry?: RetryPolicy;
}

/** When a failed delivery is tried again. */
export interface RetryPolicy {
  /** Tries in all, the first included, before the message is dead-lettered. Default 5. */
  readonly attempts?: number;
  /** Milliseconds before the second try. Default 200. Doubles with each further try. */
  readonly delay?: number;
  /** The longest delay in milliseconds. Default 30,000. */
  readonly maxDelay?: number;
}

/** A live subscription. */
export interface BusSubscription extends AsyncDisposable {
  readonly patterns: readonly string[];
  readonly pool: string | undefined;
  /**
   * Stops deliveries, waits for handlers under way, and removes what the subscription made: an
   * ephemeral one its queue and bindings, a pool member only itself. Safe to call twice. With
   * `{ removePool: true }` the pool's queue and bindings go too.
   */
  unsubscribe(options?: { readonly removePool?: boolean }): Promise<void>;
}

/** A message that could not be handled, with why. */
export interface DeadLetter {
  readonly message: BusMessage;
  readonly pool: string;
  readonly reason: string;
  readonly attempts: number;
  /** UTC, ISO 8601. */
  readonly time: string;
}
