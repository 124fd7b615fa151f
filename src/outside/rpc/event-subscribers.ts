import type { Bus, BusSubscription, Delivery, RetryPolicy } from '../../delivery/bus/bus.js';
import { DeadLetterError } from '../../delivery/bus/dead-letter-error.js';
import { decodePlainJson } from '../../core/json/decode-json.js';
import type { JsonValue } from '../../core/json/json.js';
import { toError } from '../../core/errors/to-error.js';
import { reportFailure, type FailureListener } from '../object-events/report-failure.js';
import { eventSpan } from './rpc-spans.js';
import { withContextOf } from './context-headers.js';
import type { EventInfo, TopicHandler } from './topic-handler.js';

/** One handler of a topic. */
export interface Subscriber {
  readonly handler: TopicHandler<JsonValue>;
  active: boolean;
}

interface SubscribersOptions {
  readonly bus: Bus;
  readonly root: string;
  readonly pattern: string;
  readonly pool: string | undefined;
  readonly concurrency: number;
  readonly order: 'pool' | 'member';
  readonly retry: RetryPolicy | undefined;
  readonly onError: FailureListener | undefined;
  /** Called when the last subscriber has left: the next one needs another of these. */
  readonly onEnd: (ended: EventSubscribers) => void;
}

/**
 * The subscribers of one pattern and pool, which share one subscription of the bus: made for the first
 * of them, ended with the last.
 */
export class EventSubscribers {
  readonly subscribers = new Set<Subscriber>();
  readonly #options: SubscribersOptions;
  /**
   * Subscribers that have handled a message which is retried for others: a retry has the body of its first
   * delivery.
   */
  readonly #handledBy = new WeakMap<Uint8Array, Set<Subscriber>>();
  #subscription: Promise<BusSubscription> | undefined;
  #ended = false;

  constructor(options: SubscribersOptions) {
    this.#options = options;
  }

  /** Resolves when the bus delivers. Rejects as it does, and then may be called again. */
  async open(): Promise<void> {
    const { bus, root, pattern, pool, concurrency, order, retry } = this.#options;
    this.#subscription ??= bus.subscribe(
      [`${root}.${pattern}`],
      (delivery, signal) => this.#deliver(delivery, signal),
      pool === undefined
        ? { concurrency, retry: { attempts: 1 } }
        : { pool, order, concurrency, ...(retry === undefined ? {} : { retry }) },
    );
    try {
      await this.#subscription;
    } catch (error) {
      this.#subscription = undefined;
      throw error;
    }
  }

  /** Lets go of the bus when nobody is left. Rejects as the bus does. */
  async endIfUnused(): Promise<void> {
    if (this.subscribers.size > 0 || this.#ended) return;
    this.#ended = true;
    this.#options.onEnd(this);
    const subscription = await this.#subscription?.catch(() => undefined);
    await subscription?.unsubscribe();
  }

  async #deliver(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const payload = decode(delivery);
    const info = this.#info(delivery);
    const handledBy = this.#handledBy.get(delivery.body) ?? new Set();
    this.#handledBy.set(delivery.body, handledBy);
    const failures: Error[] = [];
    const handle = async (subscriber: Subscriber): Promise<void> => {
      try {
        if (!subscriber.active || handledBy.has(subscriber)) return;
        await subscriber.handler(payload, info, signal);
        handledBy.add(subscriber);
      } catch (thrown) {
        failures.push(toError(thrown));
      }
    };
    const plan = () => eventSpan(this.#options.root, info.topic, delivery);
    await withContextOf(delivery.headers, plan, () =>
      Promise.all(Array.from(this.subscribers, (subscriber) => handle(subscriber))),
    );
    for (const failure of failures) reportFailure(failure, this.#options.onError);
    // One that asks to be tried again is, whoever else has given up.
    const failure = failures.find((each) => !(each instanceof DeadLetterError)) ?? failures[0];
    if (failure !== undefined && this.#options.pool !== undefined) throw failure;
  }

  #info({ key, id, headers, attempt, redelivered }: Delivery): EventInfo {
    const { emitter } = headers;
    return {
      topic: key.slice(this.#options.root.length + 1),
      id,
      emitter: typeof emitter === 'string' ? emitter : undefined,
      local: false,
      attempt,
      redelivered,
    };
  }
}

/** Decodes a body; a body that is not JSON never reaches a handler: a pool dead-letters it with the reason. */
function decode({ body }: Delivery): JsonValue {
  try {
    return decodePlainJson(body);
  } catch (cause) {
    throw new DeadLetterError(`The event is no JSON: ${toError(cause).message}.`, { cause });
  }
}
