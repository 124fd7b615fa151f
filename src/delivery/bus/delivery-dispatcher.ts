import { failpoint } from '../../core/failpoints/failpoints.js';
import { Attempts, type Next } from './attempts.js';
import type { BusMessage } from './bus.js';
import { claimOf, newEntry, type Entry } from './entry.js';
import type { IncomingDelivery, Keyed, Tried } from './incoming-delivery.js';
import { KeyQueues, type KeyQueue } from './key-queues.js';
import type { BusNotice, BusNoticeListener } from './notice.js';
import { Outage } from './outage.js';
import type { RetrySettings } from './retry-policy.js';
import { Unsettled, type Claim } from './unsettled.js';

export type { IncomingDelivery, Tried } from './incoming-delivery.js';

interface DispatcherOptions<M extends Keyed> {
  readonly handler: (delivery: Tried<M>, signal: AbortSignal) => void | Promise<void>;
  /** The pool that deliveries are for; absent for an ephemeral subscription. */
  readonly pool?: string | undefined;
  /** How the subscription is called in notices. */
  readonly label?: string;
  /** How many handlers may run at once. */
  readonly concurrency: number;
  readonly retry: RetrySettings;
  readonly notify: BusNoticeListener;
  /** Messages that the transport took back from members of the pool in this process. Default its own alone. */
  readonly unsettled?: Unsettled;
}

/** A delivery that is not settled, for whoever must not keep it too long. */
export interface HeldDelivery<M extends Keyed> {
  readonly incoming: IncomingDelivery<M>;
  /** When it came, by `performance.now()`. */
  readonly since: number;
  /** Its handler is under way, or it is being put aside. */
  readonly underWay: boolean;
}

/**
 * Runs the handler of one subscription: deliveries of a partition key one after another in order,
 * different keys at the same time up to `concurrency`, failed ones again after a growing delay that
 * holds back only their own key, or nothing where the policy lets others pass. Every adapter delivers
 * through it, so that they behave alike.
 */
export class DeliveryDispatcher<M extends Keyed = BusMessage> {
  readonly #concurrency: number;
  readonly #retry: RetrySettings;
  readonly #unsettled: Unsettled;
  readonly #attempts: Attempts<M>;
  readonly #outage: Outage;
  readonly #lanes = new KeyQueues<M>();
  readonly #abort = new AbortController();
  #ready: KeyQueue<M>[] = [];
  /** Those whose first must be handled while no other is. */
  #alone: KeyQueue<M>[] = [];
  #positions = 0;
  #running = 0;
  #aloneRuns = false;
  #scheduled = false;
  #paused = false;
  #stopped = false;
  #quiet: (() => void)[] = [];

  constructor(options: DispatcherOptions<M>) {
    const { handler, pool, concurrency, retry, notify } = options;
    const subscription = options.label ?? pool ?? 'ephemeral';
    this.#concurrency = concurrency;
    this.#retry = retry;
    this.#unsettled = options.unsettled ?? new Unsettled();
    this.#outage = new Outage({
      delay: retry.delay,
      maxDelay: retry.maxDelay,
      onPaused: (error) => notify({ kind: 'handlersPaused', subscription, error }),
      onResumed: () => notify({ kind: 'handlersResumed', subscription }),
      onProbe: () => this.#schedule(),
    });
    this.#attempts = new Attempts<M>({
      handler,
      pool,
      retry,
      signal: this.#abort.signal,
      outage: this.#outage,
      onRetry: (delivery, delay, error) => notify(retrying(subscription, delivery, delay, error)),
    });
  }

  /** How many handlers are under way. */
  get running(): number {
    return this.#running;
  }

  /** Milliseconds that handlers take; undefined before one has returned. */
  get duration(): number | undefined {
    return this.#attempts.duration;
  }

  /** All that is not settled. */
  held(): Iterable<HeldDelivery<M>> {
    return this.#lanes.entries();
  }

  /** Takes a delivery. The handler runs later, never inside this call. */
  accept(incoming: IncomingDelivery<M>): void {
    if (this.#stopped) return;
    failpoint('deliver');
    this.#positions += 1;
    const claim = this.#claim(incoming);
    this.#enqueue(this.#lanes.for(incoming, claim), newEntry(incoming, this.#positions, claim));
  }

  /**
   * Forgets every delivery that no handler has under way: the transport will deliver them again.
   * Handlers under way go on, and new deliveries of their keys wait for them, as do redeliveries of
   * their messages.
   */
  forget(): void {
    for (const entry of this.#drop()) {
      const identity = entry.incoming.identity();
      const claim = entry.claim ?? claimOf(entry, this.#lanes.of(entry));
      this.#unsettled.leave(identity, claim);
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
    this.#outage.stop();
    this.#drop();
    this.#abort.abort();
    await this.#untilQuiet();
  }

  #drop(): Entry<M>[] {
    this.#ready = [];
    this.#alone = [];
    return this.#lanes.drop();
  }

  /** Returns the earlier claim of this process on a message. */
  #claim(incoming: IncomingDelivery<M>): Claim | undefined {
    if (this.#unsettled.size === 0) return undefined;
    if (incoming.mayBeKnown) return this.#unsettled.take(incoming.identity());
    this.#unsettled.clear();
    return undefined;
  }

  /** Puts an entry where its position says, behind the one that is being handled. */
  #enqueue(lane: KeyQueue<M>, entry: Entry<M>): void {
    const { queue } = lane;
    let at = queue.length;
    while (at > (lane.running ? 1 : 0) && (queue[at - 1] as Entry<M>).position > entry.position) {
      at -= 1;
    }
    queue.splice(at, 0, entry);
    // Of any others, one is handled, waits for its retry, or is ready already.
    if (queue.length === 1) this.#makeReady(lane);
  }

  #makeReady(lane: KeyQueue<M>): void {
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
    while (!this.#paused && !this.#stopped && !this.#aloneRuns) {
      if (this.#outage.room(this.#running, this.#concurrency) < 1) return;
      const alone = this.#alone.length > 0;
      if (alone && this.#running > 0) return;
      const lane = alone ? this.#alone.shift() : this.#ready.shift();
      if (lane === undefined) return;
      const entry = lane.queue[0];
      if (entry === undefined) continue;
      lane.running = true;
      this.#running += 1;
      this.#aloneRuns = alone;
      void this.#run(lane, entry);
    }
  }

  async #run(lane: KeyQueue<M>, entry: Entry<M>): Promise<void> {
    const next = await this.#attempts.next(entry);
    lane.running = false;
    this.#running -= 1;
    if (entry.alone) this.#aloneRuns = false;
    if (this.#running === 0 && (this.#paused || this.#stopped)) {
      for (const resolve of this.#quiet.splice(0)) resolve();
    }
    if (this.#stopped) return;
    this.#goOn(lane, entry, entry.forgotten ? 'done' : next);
    this.#pump();
  }

  #goOn(lane: KeyQueue<M>, entry: Entry<M>, next: Next): void {
    if (next === 'alone') {
      this.#alone.push(lane);
      return;
    }
    if (next !== 'done' && this.#retry.order === 'hold') {
      if (next.wait === 0) this.#makeReady(lane);
      else lane.timer = setTimeout(() => this.#retryNow(lane), next.wait);
      return;
    }
    lane.queue.shift();
    if (next !== 'done') this.#putAside(lane, entry, next.wait);
    if (lane.queue.length > 0) this.#makeReady(lane);
    else if (lane.aside.size === 0) this.#lanes.remove(lane);
  }

  #retryNow(lane: KeyQueue<M>): void {
    lane.timer = undefined;
    this.#makeReady(lane);
  }

  #putAside(lane: KeyQueue<M>, entry: Entry<M>, wait: number): void {
    const timer = setTimeout(() => {
      lane.aside.delete(entry);
      this.#enqueue(lane, entry);
    }, wait);
    lane.aside.set(entry, timer);
  }

  async #untilQuiet(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#quiet.push(resolve));
  }
}

function retrying<M extends Keyed>(
  subscription: string,
  { attempt, ...message }: Tried<M>,
  delay: number,
  error: Error,
): BusNotice {
  const { id = '' } = message as { readonly id?: string };
  return { kind: 'retrying', subscription, id, attempt, delay, error };
}
