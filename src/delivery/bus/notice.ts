import { guardListener } from '../../core/errors/guard-listener.js';

/**
 * Notices of an adapter, for logs and metrics. Data: the transport's name never decides what happens next.
 * Messages hold no credentials.
 */
export type BusNotice =
  | { readonly kind: 'connected'; readonly host: string; readonly role: string }
  | { readonly kind: 'disconnected'; readonly reason: string; readonly role: string }
  | { readonly kind: 'connectFailed'; readonly error: Error; readonly role: string }
  /** The broker takes no messages for now; publishes wait. */
  | { readonly kind: 'blocked'; readonly reason: string }
  | { readonly kind: 'unblocked' }
  /** No binding wanted the message. */
  | { readonly kind: 'unroutable'; readonly key: string; readonly id: string }
  /** The broker refused the message for good. */
  | { readonly kind: 'refused'; readonly key: string; readonly id: string; readonly reason: string }
  /** A subscription lost its queue or channel and is being made again. */
  | { readonly kind: 'resubscribing'; readonly subscription: string; readonly reason: string }
  | { readonly kind: 'resubscribed'; readonly subscription: string }
  /** The exchange was gone and was declared again. */
  | { readonly kind: 'redeclared'; readonly exchange: string }
  /**
   * NATS: the servers gave the number of the `former`, which they had confirmed, to another message, or
   * handed another one out under it. They have lost one of the two, and pools that had that one may pass over
   * the one in its place. Replay the journal from that time on: other publishers may have lost more.
   */
  | {
      readonly kind: 'sequenceReused';
      readonly stream: string;
      readonly sequence: number;
      readonly id: string;
      readonly former: string;
    }
  /** A handler failed and will be tried again. */
  | {
      readonly kind: 'retrying';
      readonly subscription: string;
      readonly id: string;
      readonly attempt: number;
      readonly delay: number;
      readonly error: Error;
    }
  /**
   * A dependency of this subscription's handlers is away, by the class of their errors: no handler is
   * begun but one at a time as a probe, until one succeeds.
   */
  | { readonly kind: 'handlersPaused'; readonly subscription: string; readonly error: Error }
  | { readonly kind: 'handlersResumed'; readonly subscription: string }
  /**
   * RabbitMQ: a handler has had a delivery for so long that the broker will soon close the channel and
   * hand the message to another consumer. Milliseconds.
   */
  | {
      readonly kind: 'handlerNearTimeout';
      readonly subscription: string;
      readonly id: string;
      readonly age: number;
      readonly timeout: number;
    }
  | {
      readonly kind: 'deadLettered';
      readonly subscription: string;
      readonly id: string;
      readonly reason: string;
    }
  /** `onMissed` of a subscription threw, or rejected: whoever keeps a view may not have read it anew. */
  | { readonly kind: 'onMissedFailed'; readonly error: Error }
  /** An ephemeral subscription gave a message up. */
  | {
      readonly kind: 'dropped';
      readonly subscription: string;
      readonly id: string;
      readonly reason: string;
    };

/** Called for each notice, synchronously; what it throws, or rejects with, is ignored. */
export type BusNoticeListener = (notice: BusNotice) => void;

/** Calls a listener so that its failure stays its own. */
export function notifier(listener: BusNoticeListener | undefined): BusNoticeListener {
  if (listener === undefined) return () => {};
  // A broken log or metric must not stop messages.
  return guardListener(listener);
}
