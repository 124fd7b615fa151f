import type { BusMessage } from './bus.js';
import type { HandlingFailure } from './handling-failure.js';

/** Deliveries with the same key are handled one after another. */
export interface Keyed {
  readonly partitionKey?: string;
}

/** A message with which try this is. */
export type Tried<M> = M & {
  /** 1 for the first try of this subscription, +1 for each retry. */
  readonly attempt: number;
  /** True when it was delivered before, to this or another member of the pool. */
  readonly redelivered: boolean;
  /** The pool it was delivered to; absent for an ephemeral subscription. */
  readonly pool?: string;
};

/** A message that a transport handed over, and how to settle it. */
export interface IncomingDelivery<M extends Keyed = BusMessage> {
  readonly message: M;
  readonly redelivered: boolean;
  /** Given for a message that is not to be handled, but put aside in its turn. */
  readonly failure?: HandlingFailure;
  /**
   * Names the message among all of its pool: equal for a redelivery of it. Called only for what the
   * transport takes back, or hands out again.
   */
  identity(): string;
  /**
   * False when the transport knows that this is the first time the message is handed out. What it took
   * back comes before such a message.
   */
  readonly mayBeKnown: boolean;
  /**
   * Given for a redelivery when members of the pool may have died over it: remembers, outside of this
   * process, that a handler has begun.
   */
  readonly begun?: BegunRecord;
  /** Tells the transport that the message is done. Must not throw. */
  acknowledge(): void;
  /**
   * Puts the message aside for good. Until it resolves, later deliveries of the same key wait (unless
   * retries let them pass); when it rejects, it is tried again after a delay, and with a failure that is
   * told in fewer words when the transport has refused it.
   */
  giveUp(failure: HandlingFailure): Promise<void>;
}

/** How often a handler began a message and its process ended before the handler did. */
export interface BegunRecord {
  /** So many of them make the message poison. */
  readonly limit: number;
  /** Resolves with how often. Never rejects. */
  count(): Promise<number>;
  /** A handler begins now. Resolves when that is remembered, or cannot be. Never rejects. */
  begin(): Promise<void>;
  /**
   * The handler that began has ended, and with it this process has not.
   *
   * @param done whether the message is handled or dead-lettered, so that nothing is to be remembered
   */
  end(done: boolean): void;
}
