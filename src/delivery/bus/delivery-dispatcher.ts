import { reach } from '../../core/failpoints/failpoints.js';
import type { BusMessage, RetryPolicy } from './bus.js';
import { deadLetterText, tersely } from './dead-letter-cause.js';
import { DeadLetterError } from './dead-letter-error.js';
import type { HandlingFailure } from './handling-failure.js';
import { isPublishRefused } from './publish-refused.js';
import { retryDelay } from './retry-policy.js';

/** What the dispatcher needs to know of a message: with the same key it comes one after another. */
interface Keyed {
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
  /** Tells the transport that the message is done. Must not throw. */
  acknowledge(): void;
  /**
   * Puts the message aside for good. Until it resolves, later deliveries of the same key wait (unless
   * retries let them pass); when it rejects, it is tried again after a delay, and with a failure that is
   * told in fewer words when the transport has refused it.
   */
  giveUp(failure: HandlingFailure): Promise<void>;
}

interface DispatcherOptions<M extends Keyed> {
  readonly handler: (delivery: Tried<M>, signal: AbortSignal) => void | Promise<void>;
  /** The pool that deliveries are for; absent for an ephemeral subscription. */
  readonly pool?: string | undefined;
  /** How many handlers may run at once. */
  readonly concurrency: number;
  readonly retry: Required<RetryPolicy>;
  readonly onRetry: (delivery: Tried<M>, delay: number, error: Error) => void;
}

/** Deliveries of one partition key, at most one of them being handled. */
interface Lane<M extends Keyed> {
  readonly key: string | undefined;
  /** In the order they came. The first is being handled, or waits for its retry or its turn. */
  readonly queue: Entry<M>[];
  /** Those that wait for a retry and let others pass. */
  readonly aside: Map<Entry<M>, NodeJS.Timeout>;
  running: boolean;
  timer: NodeJS.Timeout | undefined;
}

interface Entry<M extends Keyed> {
  readonly incoming: IncomingDelivery<M>;
  readonly position: number;
  attempt: number;
  failure: HandlingFailure | undefined;
  giveUpTries: number;
  /** The transport will deliver it again, so its outcome settles nothing. */
  forgotten: boolean;
}

/**
 * Runs the handler of one subscription: deliveries of a partition key one after another in order,
 * different keys at the same time up to `concurrency`, failed ones again after a growing delay that
 * holds back only their own key, or nothing where the policy lets others pass. Every adapter delivers
 * through it, so that they behave alike.
 */
export class DeliveryDispatcher<M extends Keyed = BusMessage> {
  readonly #options: DispatcherOptions<M>;
  readonly #lanes = new Map<string, Lane<M>>();
  readonly #unkeyed = new Set<Lane<M>>();
  readonly #abort = new AbortController();
  #ready: Lane<M>[] = [];
  #positions = 0;
  #running = 0;
  #scheduled = false;
  #paused = false;
  #stopped = false;
  #quiet: (() => void)[] = [];

  constructor(options: DispatcherOptions<M>) {
    this.#options = options;
  }

  /** How many handlers are under way. */
  get running(): number {
    return this.#running;
  }

  /** Takes a delivery. The handler runs later, never inside this call. */
  accept(incoming: IncomingDelivery<M>): void {
    if (this.#stopped) return;
    reach('deliver');
    this.#positions += 1;
    const entry: Entry<M> = {
      incoming,
      position: this.#positions,
      attempt: 0,
      failure: incoming.failure,
      giveUpTries: 0,
      forgotten: false,
    };
    const key = incoming.message.partitionKey;
    let lane = key === undefined ? undefined : this.#lanes.get(key);
    if (lane === undefined) {
      lane = { key, queue: [], aside: new Map(), running: false, timer: undefined };
      if (key === undefined) this.#unkeyed.add(lane);
      else this.#lanes.set(key, lane);
    }
    this.#enqueue(lane, entry);
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
      for (const timer of lane.aside.values()) clearTimeout(timer);
      lane.aside.clear();
      lane.queue.length = lane.running ? 1 : 0;
      const [running] = lane.queue;
      if (running === undefined) this.#remove(lane);
      else running.forgotten = true;
    }
  }

  /**
   * Starts no more handlers, and resolves when those under way have returned. Deliveries are still
   * taken, and wait. Safe to call twice.
   */
  async pause(): Promise<void> {
    this.#paused = true;
    await this.#untilQuiet();
  }

  /** Goes on with what waits; a pause that has not settled yet is over. Safe to call twice. */
  resume(): void {
    if (this.#stopped) return;
    this.#paused = false;
    for (const resolve of this.#quiet.splice(0)) resolve();
    this.#schedule();
  }

  /** Starts no more handlers, aborts their signal, and resolves when those under way have returned. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.forget();
    this.#abort.abort();
    await this.#untilQuiet();
  }

  /** Puts an entry where its position says, behind the one that is being handled. */
  #enqueue(lane: Lane<M>, entry: Entry<M>): void {
    const { queue } = lane;
    let at = queue.length;
    while (at > (lane.running ? 1 : 0) && (queue[at - 1] as Entry<M>).position > entry.position) {
      at -= 1;
    }
    queue.splice(at, 0, entry);
    // Of any others, one is handled, waits for its retry, or is ready already.
    if (queue.length === 1) this.#makeReady(lane);
  }

  #makeReady(lane: Lane<M>): void {
    this.#ready.push(lane);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#paused && this.#running < this.#options.concurrency) {
      const lane = this.#ready.shift();
      if (lane === undefined) return;
      const entry = lane.queue[0];
      if (entry === undefined || this.#stopped) continue;
      lane.running = true;
      this.#running += 1;
      void this.#run(lane, entry);
    }
  }

  async #run(lane: Lane<M>, entry: Entry<M>): Promise<void> {
    const wait = await this.#attempt(entry);
    lane.running = false;
    this.#running -= 1;
    if (this.#running === 0 && (this.#paused || this.#stopped)) {
      for (const resolve of this.#quiet.splice(0)) resolve();
    }
    if (this.#stopped) return;
    if (wait !== undefined && this.#options.retry.order === 'hold') {
      lane.timer = setTimeout(() => {
        lane.timer = undefined;
        this.#makeReady(lane);
      }, wait);
    } else {
      lane.queue.shift();
      if (wait !== undefined) this.#putAside(lane, entry, wait);
      if (lane.queue.length > 0) this.#makeReady(lane);
      else if (lane.aside.size === 0) this.#remove(lane);
    }
    this.#pump();
  }

  #putAside(lane: Lane<M>, entry: Entry<M>, wait: number): void {
    const timer = setTimeout(() => {
      lane.aside.delete(entry);
      this.#enqueue(lane, entry);
    }, wait);
    lane.aside.set(entry, timer);
  }

  async #untilQuiet(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#quiet.push(resolve));
  }

  /** One try. Resolves with the milliseconds until the next, or undefined when the entry is done. */
  async #attempt(entry: Entry<M>): Promise<number | undefined> {
    if (entry.failure === undefined) {
      const outcome = await this.#handle(entry);
      if (outcome === undefined || entry.forgotten) return undefined;
      if (typeof outcome === 'number') return outcome;
      entry.failure = outcome;
    }
    try {
      await entry.incoming.giveUp(entry.failure);
      return undefined;
    } catch (error) {
      // What is refused with all that is said about it may be taken with less: a message near the limit.
      if (isPublishRefused(error)) entry.failure = tersely(entry.failure);
      entry.giveUpTries += 1;
      return retryDelay({ delay: 200, maxDelay: 5_000 }, entry.giveUpTries);
    }
  }

  /** Undefined when handled, the delay of a retry, or the failure to give up with. */
  async #handle(entry: Entry<M>): Promise<number | undefined | HandlingFailure> {
    const { handler, pool, retry, onRetry } = this.#options;
    const { message, redelivered } = entry.incoming;
    entry.attempt += 1;
    const delivery: Tried<M> = {
      ...message,
      attempt: entry.attempt,
      redelivered: redelivered || entry.attempt > 1,
      ...(pool === undefined ? {} : { pool }),
    };
    try {
      reach('handle');
      await handler(delivery, this.#abort.signal);
      reach('ack');
      entry.incoming.acknowledge();
      return undefined;
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      if (error instanceof DeadLetterError) {
        return { reason: deadLetterText(error.reason), attempts: entry.attempt, error };
      }
      if (entry.attempt >= retry.attempts) {
        const tries = entry.attempt === 1 ? '1 try' : `${entry.attempt} tries`;
        return {
          reason: deadLetterText(`failed after ${tries}: ${error.message}`),
          attempts: entry.attempt,
          error,
        };
      }
      const delay = retryDelay(retry, entry.attempt);
      onRetry(delivery, delay, error);
      return delay;
    }
  }

  #remove(lane: Lane<M>): void {
    if (lane.key === undefined) this.#unkeyed.delete(lane);
    else this.#lanes.delete(lane.key);
  }
}
