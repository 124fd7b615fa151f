import type { BusMessage, Delivery, DeliveryHandler, RetryPolicy } from './bus.js';
import { DeadLetterError } from './dead-letter-error.js';
import { retryDelay } from './retry-policy.js';

/** A message that a transport handed over, and how to settle it. */
export interface IncomingDelivery {
  readonly message: BusMessage;
  readonly redelivered: boolean;
  /** Tells the transport that the message is done. Must not throw. */
  acknowledge(): void;
  /**
   * Puts the message aside for good. Until it resolves, later deliveries of the same key wait; when it
   * rejects, it is tried again after a delay.
   */
  giveUp(failure: HandlingFailure): Promise<void>;
}

/** Why a delivery was given up. */
export interface HandlingFailure {
  readonly reason: string;
  readonly attempts: number;
  readonly error: Error;
}

interface DispatcherOptions {
  readonly handler: DeliveryHandler;
  /** The pool that deliveries are for; absent for an ephemeral subscription. */
  readonly pool?: string | undefined;
  /** How many handlers may run at once. */
  readonly concurrency: number;
  readonly retry: Required<RetryPolicy>;
  readonly onRetry: (delivery: Delivery, delay: number, error: Error) => void;
}

/** Deliveries of one partition key: the first is being handled or waits for its retry. */
interface Lane {
  readonly key: string | undefined;
  readonly queue: Entry[];
  running: boolean;
  timer: NodeJS.Timeout | undefined;
}

interface Entry {
  readonly incoming: IncomingDelivery;
  attempt: number;
  failure: HandlingFailure | undefined;
  giveUpTries: number;
  /** The transport will deliver it again, so its outcome settles nothing. */
  forgotten: boolean;
}

/**
 * Runs the handler of one subscription: deliveries of a partition key one after another in order,
 * different keys at the same time up to `concurrency`, failed ones again after a growing delay that
 * holds back only their own key. Both adapters deliver through it, so that they behave alike.
 */
export class DeliveryDispatcher {
  readonly #options: DispatcherOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #unkeyed = new Set<Lane>();
  readonly #abort = new AbortController();
  #ready: Lane[] = [];
  #running = 0;
  #scheduled = false;
  #stopped = false;
  #idle: (() => void)[] = [];

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Takes a delivery. The handler runs later, never inside this call. */
  accept(incoming: IncomingDelivery): void {
    if (this.#stopped) return;
    const entry: Entry = {
      incoming,
      attempt: 0,
      failure: undefined,
      giveUpTries: 0,
      forgotten: false,
    };
    const key = incoming.message.partitionKey;
    let lane = key === undefined ? undefined : this.#lanes.get(key);
    if (lane === undefined) {
      lane = { key, queue: [entry], running: false, timer: undefined };
      if (key === undefined) this.#unkeyed.add(lane);
      else this.#lanes.set(key, lane);
      this.#makeReady(lane);
    } else {
      lane.queue.push(entry);
    }
  }

  /**
   * Forgets every delivery that no handler has under way: the transport will deliver them again.
   * Handlers under way go on, and new deliveries of their keys wait for them.
   */
  forget(): void {
    this.#ready = [];
    for (const lane of [...this.#lanes.values(), ...this.#unkeyed]) {
      clearTimeout(lane.timer);
      lane.timer = undefined;
      lane.queue.length = lane.running ? 1 : 0;
      const [running] = lane.queue;
      if (running === undefined) this.#remove(lane);
      else running.forgotten = true;
    }
  }

  /** Starts no more handlers, aborts their signal, and resolves when those under way have returned. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.forget();
    this.#abort.abort();
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #makeReady(lane: Lane): void {
    this.#ready.push(lane);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#running < this.#options.concurrency) {
      const lane = this.#ready.shift();
      if (lane === undefined) return;
      const entry = lane.queue[0];
      if (entry === undefined || this.#stopped) continue;
      lane.running = true;
      this.#running += 1;
      void this.#run(lane, entry);
    }
  }

  async #run(lane: Lane, entry: Entry): Promise<void> {
    const wait = await this.#attempt(entry);
    lane.running = false;
    this.#running -= 1;
    if (this.#stopped) {
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    if (wait === undefined) {
      lane.queue.shift();
      if (lane.queue.length > 0) this.#makeReady(lane);
      else this.#remove(lane);
    } else {
      lane.timer = setTimeout(() => {
        lane.timer = undefined;
        this.#makeReady(lane);
      }, wait);
    }
    this.#pump();
  }

  /** One try. Resolves with the milliseconds until the next, or undefined when the entry is done. */
  async #attempt(entry: Entry): Promise<number | undefined> {
    if (entry.failure === undefined) {
      const outcome = await this.#handle(entry);
      if (outcome === undefined || entry.forgotten) return undefined;
      if (typeof outcome === 'number') return outcome;
      entry.failure = outcome;
    }
    try {
      await entry.incoming.giveUp(entry.failure);
      return undefined;
    } catch {
      entry.giveUpTries += 1;
      return retryDelay({ attempts: 0, delay: 200, maxDelay: 5_000 }, entry.giveUpTries);
    }
  }

  /** Undefined when handled, the delay of a retry, or the failure to give up with. */
  async #handle(entry: Entry): Promise<number | undefined | HandlingFailure> {
    const { handler, pool, retry, onRetry } = this.#options;
    const { message, redelivered } = entry.incoming;
    entry.attempt += 1;
    const delivery: Delivery = {
      ...message,
      attempt: entry.attempt,
      redelivered: redelivered || entry.attempt > 1,
      ...(pool === undefined ? {} : { pool }),
    };
    try {
      await handler(delivery, this.#abort.signal);
      entry.incoming.acknowledge();
      return undefined;
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      if (error instanceof DeadLetterError) {
        return { reason: error.reason, attempts: entry.attempt, error };
      }
      if (entry.attempt >= retry.attempts) {
        const tries = entry.attempt === 1 ? '1 try' : `${entry.attempt} tries`;
        return {
          reason: `failed after ${tries}: ${error.message}`,
          attempts: entry.attempt,
          error,
        };
      }
      const delay = retryDelay(retry, entry.attempt);
      onRetry(delivery, delay, error);
      return delay;
    }
  }

  #remove(lane: Lane): void {
    if (lane.key === undefined) this.#unkeyed.delete(lane);
    else this.#lanes.delete(lane.key);
  }
}
