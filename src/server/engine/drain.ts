import { maySee } from '../access/visibility.js';
import type { DueDelivery, Endpoint } from '../model.js';
import type { Settlement } from '../store/delivery-store.js';
import type { Channel, Outcome } from './channel.js';
import { nextDelay, retryDelays } from './retry-policy.js';
import type { Settler } from './settler.js';
import type { Slots } from './slots.js';

/** Services that drains share. */
export interface DrainContext {
  readonly settler: Settler;
  readonly hosts: Slots;
  /** False when the lease may have ended: nothing is sent then. */
  readonly leased: () => boolean;
  /** Aborts when what is under way is to be broken off. */
  readonly signal: AbortSignal;
  /** Milliseconds of a delivery beyond which an endpoint counts as slow. */
  readonly slowAfter: number;
  /** Milliseconds: the most of a `Retry-After` that is honoured. */
  readonly maxRetryAfter: number;
  /** Milliseconds after its event at which a delivery is given up, whatever its policy. */
  readonly maxAge: number;
  /** Called when the endpoint turns out to be slow. */
  readonly onSlow: () => void;
  /** Called for an endpoint that is to be ended (`410`) or has failed for too long. */
  readonly onStop: (
    endpoint: Endpoint,
    status: 'disabled' | 'ended',
    reason: string,
  ) => Promise<void>;
  readonly onOutcome: (outcome: Outcome, endpoint: Endpoint, duration: number) => void;
  readonly now: () => number;
}

/** Failures in a row after which only one delivery is tried at a time, with growing pauses. */
const opensAt = 3;
const longestPause = 10 * 60_000;

/** Delivers what is due to one endpoint, a batch at most, and gives its lease back. */
export class Drain {
  readonly #endpoint: Endpoint;
  readonly #channel: Channel;
  readonly #context: DrainContext;
  #lane: number;
  #failures: number;
  #tried = false;
  #pause = 0;
  #stopped: { readonly status: 'disabled' | 'ended'; readonly reason: string } | undefined;

  constructor(endpoint: Endpoint, channel: Channel, context: DrainContext) {
    this.#endpoint = endpoint;
    this.#channel = channel;
    this.#context = context;
    this.#lane = endpoint.lane;
    this.#failures = endpoint.failures;
  }

  async run(due: readonly DueDelivery[]): Promise<void> {
    const { settler, onStop } = this.#context;
    const isProbe = this.#failures >= opensAt;
    const { throttle, concurrency = 4 } = this.#endpoint.settings;
    const some = isProbe
      ? due.slice(0, 1)
      : throttle === undefined
        ? due
        : due.slice(0, Math.max(1, throttle));
    const queue = [...some];
    const workers = Array.from({ length: Math.min(concurrency, queue.length) }, () =>
      this.#work(queue),
    );
    await Promise.all(workers);
    if (throttle !== undefined && this.#tried) {
      this.#pause = Math.max(
        this.#pause,
        Math.ceil((1000 * (some.length - queue.length)) / throttle),
      );
    }
    await settler.settle(
      [],
      [
        {
          endpoint: this.#endpoint.id,
          lane: this.#lane,
          failures: this.#tried ? this.#failures : undefined,
          pause: this.#pause,
        },
      ],
    );
    if (this.#stopped !== undefined) {
      await onStop(this.#endpoint, this.#stopped.status, this.#stopped.reason);
    }
  }

  /** Deliveries of one resource are made one after another where order is asked for: see `DeliveryStore.due`. */
  async #work(queue: DueDelivery[]): Promise<void> {
    for (;;) {
      if (this.#pause > 0 || this.#stopped !== undefined || !this.#context.leased()) return;
      const delivery = queue.shift();
      if (delivery === undefined) return;
      const release = await this.#context.hosts.take(this.#channel.host(this.#endpoint));
      try {
        if (this.#pause > 0 || this.#stopped !== undefined || !this.#context.leased()) return;
        await this.#deliver(delivery);
      } finally {
        release();
      }
    }
  }

  async #deliver(delivery: DueDelivery): Promise<void> {
    const { settler, now, onOutcome } = this.#context;
    const startedAt = now();
    const began = performance.now();
    const outcome = maySee(this.#endpoint.owner, delivery.event)
      ? await this.#send(delivery)
      : ({
          result: 'dead',
          outcome: 'not-visible',
          error: 'The endpoint may not see the event.',
        } as const);
    const duration = performance.now() - began;
    // What was broken off because the service stops is not charged to anybody.
    if (outcome === undefined) return;
    this.#tried = true;
    this.#lane = duration > this.#context.slowAfter ? 1 : 0;
    onOutcome(outcome, this.#endpoint, duration);
    await settler.settle(
      [
        {
          attempt: {
            delivery: delivery.id,
            endpoint: this.#endpoint.id,
            startedAt,
            duration,
            outcome: outcome.outcome,
            status: outcome.status ?? null,
            error: outcome.error ?? null,
            body: outcome.body ?? null,
          },
          result: this.#resultOf(outcome, delivery),
        },
      ],
      [],
    );
  }

  async #send(delivery: DueDelivery): Promise<Outcome | undefined> {
    const { signal, slowAfter, onSlow } = this.#context;
    const { timeout = 15_000 } = this.#endpoint.settings;
    const slow = setTimeout(onSlow, slowAfter);
    const limit = AbortSignal.timeout(timeout);
    try {
      return await this.#channel.deliver(
        {
          endpoint: this.#endpoint,
          event: delivery.event,
          id: delivery.id,
          replay: delivery.replay,
          attempt: delivery.attempts + 1,
          gap: delivery.gap,
          isTest: false,
        },
        AbortSignal.any([signal, limit]),
      );
    } catch (error) {
      if (signal.aborted) return undefined;
      if (limit.aborted)
        return { result: 'retry', outcome: 'timeout', error: `No answer in ${timeout} ms.` };
      return {
        result: 'retry',
        outcome: 'error',
        error: error instanceof Error ? error.message : 'The channel failed.',
      };
    } finally {
      clearTimeout(slow);
    }
  }

  #resultOf(outcome: Outcome, delivery: DueDelivery): Settlement['result'] {
    if (outcome.result === 'delivered') {
      this.#failures = 0;
      return { kind: 'delivered' };
    }
    if (outcome.result === 'dead') return { kind: 'dead' };
    if (outcome.result === 'gone') {
      this.#stopped = {
        status: 'ended',
        reason: `The receiver wants no more events (${outcome.outcome}).`,
      };
      return { kind: 'dead' };
    }
    if (outcome.endpointFails !== false) this.#fail(outcome);
    const { maxAge, maxRetryAfter, now } = this.#context;
    if (now() - delivery.createdAt > maxAge) return { kind: 'dead' };
    if (outcome.retryAfter !== undefined) {
      const delay = Math.min(outcome.retryAfter, maxRetryAfter);
      this.#pause = Math.max(this.#pause, delay);
      return { kind: 'retry', delay, charged: false };
    }
    const { retry, retryByCategory } = this.#endpoint.settings;
    const delays = retryDelays(retryByCategory?.[delivery.event.category] ?? retry);
    const delay = nextDelay(delays, delivery.attempts + 1);
    return delay === undefined ? { kind: 'dead' } : { kind: 'retry', delay, charged: true };
  }

  #fail(outcome: Outcome): void {
    const { now } = this.#context;
    this.#failures += 1;
    if (this.#failures >= opensAt) {
      const pause = Math.min(longestPause, 1000 * 2 ** (this.#failures - opensAt));
      this.#pause = Math.max(this.#pause, pause * (0.9 + Math.random() * 0.2));
    }
    const { failingSince, settings } = this.#endpoint;
    const { disableAfter = 5 * 24 * 3_600_000 } = settings;
    if (failingSince !== null && now() - failingSince > disableAfter) {
      this.#stopped = {
        status: 'disabled',
        reason: `It has failed since ${new Date(failingSince).toISOString()} (${outcome.outcome}).`,
      };
    }
  }
}
