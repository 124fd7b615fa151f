import { v7 as uuidv7 } from 'uuid';
import { Wakeup } from '../../delivery/kit/wakeup.js';
import { EndpointIndex, endpointWants } from '../filter/endpoint-index.js';
import type { Endpoint, LoggedEvent } from '../model.js';
import type { DeliveryStore } from '../store/delivery-store.js';
import type { EndpointStore } from '../store/endpoint-store.js';
import type { EventStore, NewEvent } from '../store/event-store.js';
import type { Channel, Outcome } from './channel.js';
import { Drain } from './drain.js';
import { Settler } from './settler.js';
import { Slots } from './slots.js';
import { field, type Fields, milliseconds, whole } from '../../core/options/fields.js';

/** How the engine works; everything has a default. */
export interface EngineOptions {
  /** Endpoints that are served at once. Half of them are kept for those that answer quickly. Default 1000. */
  readonly maxDrains?: number;
  /** Deliveries under way to one host at once. Default 16. */
  readonly perHost?: number;
  /** Deliveries of one endpoint in one go; then others have their turn. Default 50. */
  readonly batch?: number;
  /** Milliseconds for which an endpoint is leased. Another process takes over this long after one died. Default 30,000. */
  readonly lease?: number;
  /** Milliseconds between looks for what other processes made due. Default 500. */
  readonly poll?: number;
  /** Milliseconds beyond which an endpoint counts as slow. Default 1000. */
  readonly slowAfter?: number;
  /** Milliseconds: the most of a `Retry-After` that is honoured. Default an hour. */
  readonly maxRetryAfter?: number;
  /** Milliseconds after which a delivery is given up, whatever its policy. Default 7 days. */
  readonly maxAge?: number;
  /** Milliseconds between probes of a disabled endpoint. Default an hour. */
  readonly probeAfter?: number;
  /** Milliseconds for which settled deliveries and attempts are kept. Default 7 days. */
  readonly keepDeliveries?: number;
  /** Milliseconds for which events are kept. Default 30 days. */
  readonly keepEvents?: number;
}

/** Fields of the engine's options. Times are in milliseconds. */
export const engineFields: Fields<EngineOptions> = {
  maxDrains: whole(1, 100_000),
  perHost: whole(1, 10_000),
  batch: whole(1, 10_000),
  lease: milliseconds(100),
  poll: milliseconds(10),
  slowAfter: milliseconds(1),
  maxRetryAfter: milliseconds(0),
  maxAge: duration(),
  probeAfter: milliseconds(1),
  keepDeliveries: duration(),
  keepEvents: duration(),
};

/** Listener of the engine. */
export interface EngineListener {
  /** An endpoint was disabled or ended. */
  onStopped(endpoint: Endpoint, status: 'disabled' | 'ended', reason: string): Promise<void> | void;
  onOutcome(outcome: Outcome, endpoint: Endpoint, duration: number): void;
  onFailure(error: unknown): void;
}

/** The database of an engine. */
export interface EngineStores {
  readonly events: EventStore;
  readonly endpoints: EndpointStore;
  readonly deliveries: DeliveryStore;
}

/** Takes events, and delivers them to endpoints over channels. Any number of processes may run one. */
export class Engine {
  readonly #stores: EngineStores;
  readonly #channels: ReadonlyMap<string, Channel>;
  readonly #options: Required<EngineOptions>;
  readonly #listener: EngineListener;
  readonly #index = new EndpointIndex();
  readonly #owner = uuidv7();
  readonly #settler: Settler;
  readonly #hosts: Slots;
  readonly #wakeup = new Wakeup();
  readonly #aborting = new AbortController();
  readonly #drains = new Map<string, { lane: number; done: Promise<void> }>();
  readonly #followers = new Set<(events: readonly LoggedEvent[]) => void>();
  #renewedAt = performance.now();
  #stopping = false;
  #running: Promise<void>[] = [];
  #appending: Promise<unknown> = Promise.resolve();
  #pending: {
    readonly event: NewEvent;
    readonly resolve: () => void;
    readonly reject: (error: unknown) => void;
  }[] = [];

  constructor(
    stores: EngineStores,
    channels: ReadonlyMap<string, Channel>,
    options: EngineOptions,
    listener: EngineListener,
  ) {
    this.#stores = stores;
    this.#channels = channels;
    this.#listener = listener;
    this.#options = {
      maxDrains: 1000,
      perHost: 16,
      batch: 50,
      lease: 30_000,
      poll: 500,
      slowAfter: 1000,
      maxRetryAfter: 3_600_000,
      maxAge: 7 * 24 * 3_600_000,
      probeAfter: 3_600_000,
      keepDeliveries: 7 * 24 * 3_600_000,
      keepEvents: 30 * 24 * 3_600_000,
      ...options,
    };
    this.#settler = new Settler(stores.deliveries, this.#owner, (error) => {
      listener.onFailure(error);
    });
    this.#hosts = new Slots(this.#options.perHost);
  }

  /** Endpoints that are being served. */
  get busy(): number {
    return this.#drains.size;
  }

  start(): void {
    this.#running = [
      this.#loop(() => this.#claim(), this.#options.poll, this.#wakeup),
      this.#loop(() => this.#renew(), this.#options.lease / 3),
      this.#loop(() => this.#maintain(), Math.min(30_000, this.#options.probeAfter)),
    ];
  }

  /** Stops taking on work, and resolves when what is on the wire has ended or the time is over. */
  async stop(graceMs = 20_000): Promise<void> {
    this.#stopping = true;
    this.#stopped.forEach((wakeup) => {
      wakeup.set();
    });
    this.#wakeup.set();
    const timer = setTimeout(() => {
      this.#aborting.abort();
      void this.#settler.abandon();
    }, graceMs);
    await Promise.all([...this.#running, this.#appending.catch(() => undefined)]);
    await Promise.all([...this.#drains.values()].map(({ done }) => done));
    clearTimeout(timer);
    await this.#stores.deliveries.release(this.#owner).catch((error: unknown) => {
      this.#listener.onFailure(error);
    });
  }

  /**
   * Resolves when the event and its deliveries are committed. Events that come while others are being
   * committed share the next transaction. Safe to repeat: an event that is there is passed over.
   */
  take(event: NewEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ event, resolve, reject });
      if (this.#pending.length === 1) this.#appending = this.#appending.then(() => this.#append());
    });
  }

  /** Calls back with events that this process has committed, in their order. Returns what ends it. */
  follow(callback: (events: readonly LoggedEvent[]) => void): () => void {
    this.#followers.add(callback);
    return () => this.#followers.delete(callback);
  }

  /** Looks at once for what is due. */
  wake(): void {
    this.#wakeup.set();
  }

  async #append(): Promise<void> {
    const some = this.#pending;
    this.#pending = [];
    try {
      const made = await this.#stores.events.append(
        some.map(({ event }) => event),
        this.#index,
      );
      for (const { resolve } of some) resolve();
      if (made.length > 0) for (const follower of this.#followers) follower(made);
      this.#wakeup.set();
    } catch (error) {
      for (const { reject } of some) reject(error);
    }
  }

  async #claim(): Promise<void> {
    const { maxDrains, lease, batch } = this.#options;
    for (const lane of [0, 1]) {
      const busy = [...this.#drains.values()].filter((drain) => drain.lane === lane).length;
      const limit = Math.floor(maxDrains / 2) - busy;
      if (limit <= 0) continue;
      const claimed = await this.#stores.deliveries.claim({
        owner: this.#owner,
        lane,
        limit,
        lease,
      });
      const own = claimed.filter(({ id }) => !this.#drains.has(id));
      for (const { id, lane: its } of claimed) this.#giveBackBehind(id, its);
      if (own.length === 0) continue;
      const due = await this.#stores.deliveries.due(own, batch);
      for (const endpoint of own) this.#drain(endpoint, due.get(endpoint.id) ?? []);
    }
  }

  /** A drain that has given its lease back may not have ended yet: the lease is kept for nobody else. */
  #giveBackBehind(endpoint: string, lane: number): void {
    const former = this.#drains.get(endpoint);
    if (former === undefined) return;
    void former.done.then(() =>
      this.#settler.settle([], [{ endpoint, lane, failures: undefined, pause: 0 }]),
    );
  }

  #drain(endpoint: Endpoint, due: Parameters<Drain['run']>[0]): void {
    const channel = this.#channels.get(endpoint.channel);
    const entry = { lane: endpoint.lane, done: Promise.resolve() };
    this.#drains.set(endpoint.id, entry);
    const { slowAfter, maxRetryAfter, maxAge } = this.#options;
    const drain =
      channel === undefined
        ? // A channel that this process does not have: another one may.
          this.#settler.settle(
            [],
            [{ endpoint: endpoint.id, lane: endpoint.lane, failures: undefined, pause: 60_000 }],
          )
        : new Drain(endpoint, channel, {
            settler: this.#settler,
            hosts: this.#hosts,
            leased: () =>
              !this.#stopping && performance.now() - this.#renewedAt < this.#options.lease * 0.8,
            signal: this.#aborting.signal,
            slowAfter,
            maxRetryAfter,
            maxAge,
            onSlow: () => {
              entry.lane = 1;
              this.#wakeup.set();
            },
            onStop: (stopped, status, reason) => this.#stop(stopped, status, reason),
            onOutcome: (outcome, of, duration) => {
              this.#listener.onOutcome(outcome, of, duration);
            },
            now: Date.now,
          }).run(due);
    entry.done = drain
      .catch((error: unknown) => {
        this.#listener.onFailure(error);
      })
      .then(() => {
        this.#drains.delete(endpoint.id);
        this.#wakeup.set();
      });
  }

  async #stop(endpoint: Endpoint, status: 'disabled' | 'ended', reason: string): Promise<void> {
    const stopped = await this.#stores.endpoints.stop(endpoint.id, status, reason, [
      'active',
      'catching-up',
    ]);
    if (stopped) await this.#listener.onStopped(endpoint, status, reason);
  }

  async #renew(): Promise<void> {
    const began = performance.now();
    await this.#stores.deliveries.renew(this.#owner, this.#options.lease);
    this.#renewedAt = began;
  }

  async #maintain(): Promise<void> {
    const { endpoints, events, deliveries } = this.#stores;
    for (const endpoint of await endpoints.catchingUp()) {
      await endpoints.enable(endpoint.id, endpointWants(endpoint));
    }
    for (const endpoint of await endpoints.expired()) {
      await this.#stop(endpoint, 'ended', 'Its lease has ended.');
    }
    for (const endpoint of await endpoints.probable(this.#options.probeAfter)) {
      await this.#probe(endpoint);
    }
    await deliveries.purge(this.#options.keepDeliveries, 1000);
    await events.purge(this.#options.keepEvents, 1000);
  }

  /** Tries a disabled endpoint with the first event that is due, and enables it where that gets through. */
  async #probe(endpoint: Endpoint): Promise<void> {
    const { endpoints, deliveries, events } = this.#stores;
    const channel = this.#channels.get(endpoint.channel);
    if (channel === undefined || !(await endpoints.claimProbe(endpoint.id, endpoint.statusAt)))
      return;
    const [first] = await deliveries.list(endpoint.id, { status: 'due', limit: 1 });
    if (first === undefined) return;
    const [event] = await events.read({
      owner: endpoint.owner,
      after: first.eventSeq - 1,
      before: first.eventSeq + 1,
      order: 'oldest',
      limit: 1,
    });
    if (event === undefined) return;
    const { timeout = 15_000 } = endpoint.settings;
    const startedAt = Date.now();
    const outcome = await channel
      .deliver(
        {
          endpoint,
          event,
          id: first.id,
          replay: first.replay,
          attempt: first.attempts + 1,
          gap: null,
          isTest: false,
        },
        AbortSignal.any([this.#aborting.signal, AbortSignal.timeout(timeout)]),
      )
      .catch((): Outcome => ({ result: 'retry', outcome: 'timeout' }));
    const isThrough = outcome.result === 'delivered';
    await this.#settler.settle(
      [
        {
          attempt: {
            delivery: first.id,
            endpoint: endpoint.id,
            startedAt,
            duration: Date.now() - startedAt,
            outcome: outcome.outcome,
            status: outcome.status ?? null,
            error: outcome.error ?? null,
            body: outcome.body ?? null,
          },
          result: isThrough ? { kind: 'delivered' } : { kind: 'retry', delay: 0, charged: false },
        },
      ],
      [],
    );
    if (isThrough) {
      await endpoints.enable(endpoint.id, endpointWants(endpoint));
      this.#wakeup.set();
    }
  }

  readonly #stopped: Wakeup[] = [];

  async #loop(work: () => Promise<void>, every: number, wakeup = new Wakeup()): Promise<void> {
    this.#stopped.push(wakeup);
    while (!this.#stopping) {
      try {
        await work();
      } catch (error) {
        this.#listener.onFailure(error);
      }
      if (!this.#stopping) await wakeup.wait(every);
    }
  }
}

/** Milliseconds that are compared with times of rows, so they may be longer than a timer. */
function duration() {
  return field(
    'a whole number of milliseconds, at least 0',
    (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  );
}
