import { asError, reportFailure, type FailureListener } from './report-failure.js';

/** Handles one firing. What it throws, or rejects with, is reported and stops nobody else. */
export type ObjectEventHandler<T> = (payload: T) => unknown;

/** How to subscribe to an event of an object. */
export interface ObjectEventOptions {
  /** Ends the subscription when it aborts; one that has aborted never begins it. */
  readonly signal?: AbortSignal;
}

/** How an event of an object behaves. */
export interface EventSettings {
  /**
   * Told of what a handler threw. Default: Node's `warning` event, which prints it on the standard
   * error.
   */
  readonly onError?: FailureListener;
}

/** A handler that is called until it is unsubscribed. */
export interface ObjectSubscription extends Disposable {
  /** False when it has ended: unsubscribed, aborted, or fired once. */
  readonly active: boolean;
  /** Ends it, also in the middle of a firing that has not reached it. Safe to call twice. */
  unsubscribe(): void;
}

/**
 * Declares an event of an object, as a field of its class. Subclasses inherit it, and every object has
 * its own.
 *
 * @example
 * class Daemon {
 *   readonly started = event<{ host: string }>();
 * }
 * daemon.started.subscribe(({ host }) => log(host));
 * await daemon.started.fire({ host: 'node-1' });
 */
export function event<T = void>(settings: EventSettings = {}): ObjectEvent<T> {
  return new ObjectEvent<T>(settings);
}

/**
 * Something that happens to an object, and who wants to know. A firing calls the handlers that were
 * subscribed when it began, in the order of their subscription, without those that ended meanwhile;
 * what is subscribed during a firing waits for the next one.
 */
export class ObjectEvent<T> {
  readonly #onError: FailureListener | undefined;
  readonly #subscriptions = new Set<Subscription<T>>();

  /** Use `event()`. */
  constructor({ onError }: EventSettings = {}) {
    this.#onError = onError;
  }

  /** How many subscriptions are active. */
  get size(): number {
    return this.#subscriptions.size;
  }

  /** Calls `handler` at every firing until it is unsubscribed. Each call makes a subscription. */
  subscribe(handler: ObjectEventHandler<T>, options: ObjectEventOptions = {}): ObjectSubscription {
    return this.#add(handler, false, options);
  }

  /** Calls `handler` at the next firing, and ends. A firing inside the handler does not call it again. */
  once(handler: ObjectEventHandler<T>, options: ObjectEventOptions = {}): ObjectSubscription {
    return this.#add(handler, true, options);
  }

  /** Ends every subscription of `handler`. False when it had none. */
  unsubscribe(handler: ObjectEventHandler<T>): boolean {
    const found = [...this.#subscriptions].filter((each) => each.handler === handler);
    for (const subscription of found) subscription.unsubscribe();
    return found.length > 0;
  }

  /**
   * Tells every subscriber. Handlers begin before it returns, one after another; it resolves when the
   * asynchronous ones have settled too, with what handlers threw. Never rejects, so it need not be
   * awaited.
   */
  async fire(payload: T): Promise<readonly Error[]> {
    const failures: Error[] = [];
    const fail = (thrown: unknown): void => {
      const error = asError(thrown);
      failures.push(error);
      reportFailure(error, this.#onError);
    };
    const pending: Promise<unknown>[] = [];
    for (const subscription of Array.from(this.#subscriptions)) {
      if (!subscription.active) continue;
      if (subscription.once) subscription.unsubscribe();
      try {
        const result = subscription.handler(payload);
        if (isThenable(result)) pending.push(Promise.resolve(result).catch(fail));
      } catch (thrown) {
        fail(thrown);
      }
    }
    await Promise.all(pending);
    return failures;
  }

  /**
   * Reports a failure as if a handler had thrown it. Never throws.
   *
   * @internal
   */
  report(thrown: unknown): void {
    reportFailure(asError(thrown), this.#onError);
  }

  #add(
    handler: ObjectEventHandler<T>,
    once: boolean,
    { signal }: ObjectEventOptions,
  ): ObjectSubscription {
    const subscription = new Subscription(handler, once, signal, () =>
      this.#subscriptions.delete(subscription),
    );
    if (subscription.active) this.#subscriptions.add(subscription);
    return subscription;
  }
}

class Subscription<T> implements ObjectSubscription {
  readonly handler: ObjectEventHandler<T>;
  readonly once: boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #onEnd: () => void;
  #active: boolean;

  constructor(
    handler: ObjectEventHandler<T>,
    once: boolean,
    signal: AbortSignal | undefined,
    onEnd: () => void,
  ) {
    this.handler = handler;
    this.once = once;
    this.#signal = signal;
    this.#onEnd = onEnd;
    this.#active = signal?.aborted !== true;
    if (this.#active) signal?.addEventListener('abort', this.#onAbort);
  }

  get active(): boolean {
    return this.#active;
  }

  unsubscribe(): void {
    if (!this.#active) return;
    this.#active = false;
    // A signal that lives as long as the process must not keep every handler it once ended.
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#onEnd();
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  readonly #onAbort = (): void => this.unsubscribe();
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { readonly then?: unknown }).then === 'function'
  );
}
