import { randomUUID } from 'node:crypto';
import type { Bus } from '../bus/bus.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { Format } from '../formats/format.js';
import type { EventContext } from '../../core/planning/event-context.js';
import type { LeaseStore } from '../../core/stores/lease-store.js';
import type { OutboxDepth } from '../../core/stores/outbox-store.js';
import { isWaitTimeout } from '../../persistence/commit/database-failure.js';
import type { Store } from '../../persistence/store.js';
import { BusPublisher } from './bus-publisher.js';
import { backoff } from '../kit/backoff.js';
import { FanOut } from './fan-out.js';
import { type LeaseClock, systemClock } from './lease-clock.js';
import { LeaseKeeper } from './lease-keeper.js';
import { OutboxMonitor } from './outbox-monitor.js';
import { laggingAlert } from './relay-alerts.js';
import { alertingWaitMonitor } from './starved-alerts.js';
import { registerBuses } from './register-buses.js';
import { type RelayCounts, RelayMetrics } from './relay-metrics.js';
import { type RelayListener, guardRelayListener } from './relay-notice.js';
import { type RelayOptions, resolveRelayOptions } from './relay-options.js';
import type { WakeListener } from './wake-listener.js';
import { Wakeup } from '../kit/wakeup.js';

/** Milliseconds to give the leases back in, once publishing has ended. */
const releaseTimeout = 1000;

/** Parts of a relay. */
export interface OutboxRelaySetup {
  /** The store that `openStore` returned. */
  readonly store: Pick<Store, 'outbox' | 'leases' | 'append' | 'connectionUse'>;
  /**
   * Where events go, each under its own name. With none, events live on in the journal only. All
   * relays of a database must have the same buses: any of them may take any event.
   */
  readonly buses: readonly Bus[];
  /** How events look on each bus that has no format of its own, such as `cloudEvents`. */
  readonly format: Format;
  /** Context of the relay's own alerts. */
  readonly origin: () => EventContext;
  /** Tells of commits in other processes; without one the outbox is polled. */
  readonly wake?: WakeListener | undefined;
  readonly options?: RelayOptions;
  /** Told of partitions, lag, parked events, and what is away. */
  readonly listener?: RelayListener | undefined;
  /** Another clock, to try what happens when time passes unnoticed. */
  readonly clock?: LeaseClock;
}

/** Moves the outbox to the buses. */
export interface Relay {
  /** Unique among all relays. */
  readonly id: string;
  /** Counters since it was created. */
  readonly counts: RelayCounts;
  /** Begins to work, in the background. Neither waits nor throws: what is away is waited for. */
  start(): void;
  /** Something was committed. Cheap, never throws; safe to call before `start` and after `stop`. */
  wake(): void;
  /**
   * Publishes what was committed before the call, gives back the leases and ends. Publishing ends
   * after `stopTimeout` whatever happens, and at once where a bus is away: the rest stays in the
   * outbox. A database that does not answer takes a second more. Never rejects; safe to call twice.
   */
  stop(): Promise<void>;
}

/**
 * Creates a relay over an opened store; see `createRelay`. Throws ConfigurationError
 * CONFIG_VALUE_INVALID when two buses partition a name, or a name is malformed.
 */
export function createOutboxRelay(setup: OutboxRelaySetup): Relay {
  return new OutboxRelay(setup);
}

class OutboxRelay implements Relay {
  readonly id = randomUUID();
  readonly #setup: OutboxRelaySetup;
  readonly #options;
  readonly #listener: RelayListener;
  readonly #metrics: RelayMetrics;
  readonly #keeper: LeaseKeeper;
  readonly #monitor: OutboxMonitor;
  readonly #opening = new Wakeup();
  #fanOut: FanOut | undefined;
  #lanes: readonly BusPublisher[] = [];
  #partitions: readonly number[] = [];
  #databaseAway = false;
  #opened: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  constructor(setup: OutboxRelaySetup) {
    assertBusNames(setup.buses);
    this.#options = resolveRelayOptions(setup.options ?? {}, {
      listening: setup.wake !== undefined,
    });
    this.#listener = guardRelayListener(setup.listener);
    const store = this.#watchingWaits(setup);
    this.#setup = { ...setup, store };
    this.#keeper = new LeaseKeeper({
      leases: setup.buses.length > 0 ? store.leases : unlessPublished(store),
      relay: this.id,
      duration: this.#options.leaseDuration,
      clock: setup.clock ?? systemClock,
      onChange: (dropped) => this.#leaseChanged(dropped),
      onLost: () => this.#listener({ kind: 'leaseLost' }),
      quiesce: async (partitions) => {
        await Promise.all(this.#lanes.map((lane) => lane.quiet(partitions)));
      },
      onFailure: this.#onDatabase,
    });
    // Two measurements may be lost.
    this.#metrics = new RelayMetrics(3 * this.#options.sampleInterval);
    this.#monitor = new OutboxMonitor({
      outbox: store.outbox,
      interval: this.#options.sampleInterval,
      bound: this.#options.lagBound,
      onDepth: (depth) => this.#metrics.measured(depth),
      onLagging: ({ oldestAge: age, pending }) => this.#listener({ kind: 'lagging', age, pending }),
      announce: (depth) => this.#announceLag(depth),
      onCaughtUp: () => this.#listener({ kind: 'caughtUp' }),
      onFailure: this.#onDatabase,
    });
  }

  get counts(): RelayCounts {
    return this.#metrics.counts;
  }

  start(): void {
    if (this.#opened !== undefined || this.#stopped !== undefined) return;
    this.#setup.wake?.start(() => this.wake());
    this.#keeper.start();
    // What it measures first may be worth an alert, which is for a relay with a lease to announce.
    void this.#keeper.tried.then(() => this.#monitor.start());
    this.#opened = this.#open();
  }

  wake(): void {
    if (this.#fanOut !== undefined) this.#fanOut.wake();
    else for (const lane of this.#lanes) lane.wake();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#opened === undefined ? this.#close() : this.#stop();
    return this.#stopped;
  }

  /** The same store, whose statements are reported when they wait for long. */
  #watchingWaits({ store, origin }: OutboxRelaySetup): OutboxRelaySetup['store'] {
    const waits = alertingWaitMonitor({
      store,
      work: 'The relay',
      bound: this.#options.starvedAfter,
      origin,
      wake: () => this.wake(),
      onStarved: (error) => this.#listener({ kind: 'starved', error }),
      onServed: (waited) => this.#listener({ kind: 'served', waited }),
      onFailure: (error) => this.#onDatabase(error),
    });
    return {
      outbox: waits.watching(store.outbox),
      leases: waits.watching(store.leases),
      append: (entries) => store.append(entries),
      connectionUse: () => store.connectionUse(),
    };
  }

  async #open(): Promise<void> {
    const { buses, store, format, origin } = this.#setup;
    const direct = await this.#takesEveryRow();
    if (direct === undefined) return;
    const shared = {
      outbox: store.outbox,
      lease: this.#keeper,
      options: this.#options,
      onDatabase: this.#onDatabase,
    };
    this.#lanes = buses.map(
      (bus) =>
        new BusPublisher({
          ...shared,
          bus,
          waitingFor: direct ? null : bus.name,
          format: bus.format ?? format,
          origin,
          metrics: this.#metrics,
          listener: this.#listener,
        }),
    );
    if (!direct) {
      this.#fanOut = new FanOut({
        ...shared,
        buses: buses.map((bus) => bus.name),
        onRows: () => this.#wakeLanes(),
      });
    }
    for (const lane of this.#lanes) lane.start();
    this.#fanOut?.start();
  }

  /**
   * Registers the buses, and tells whether rows need no fan-out: there is one bus, and none wait for it
   * by its name since there were several. Undefined when stopped before the database could tell.
   */
  async #takesEveryRow(): Promise<boolean | undefined> {
    const [only, ...others] = this.#setup.buses;
    if (only === undefined) return false;
    const delays = backoff(this.#options.retryDelay, this.#options.maxRetryDelay);
    let refused = false;
    while (this.#stopped === undefined) {
      try {
        const { outbox } = this.#setup.store;
        await registerBuses(outbox, this.#setup.buses);
        return others.length === 0 && !(await outbox.waitsFor(only.name));
      } catch (error) {
        if (!(error instanceof ConfigurationError)) this.#onDatabase(error);
        else if (!refused) this.#listener({ kind: 'busRefused', error });
        refused ||= error instanceof ConfigurationError;
        await this.#opening.wait(delays.next());
      }
    }
    return undefined;
  }

  async #stop(): Promise<void> {
    const bound = new AbortController();
    const timers = [setTimeout(() => bound.abort(), this.#options.stopTimeout)];
    // The database may hang where the bus does not, so the leases have their own bound.
    const expired = new Promise<boolean>((resolve) => {
      const last = this.#options.stopTimeout + releaseTimeout;
      timers.push(setTimeout(() => resolve(false), last));
    });
    const finished = await Promise.race([this.#finish(bound.signal).then(() => true), expired]);
    timers.forEach(clearTimeout);
    if (!finished) this.#abandon(bound.signal);
    await this.#close();
  }

  async #finish(signal: AbortSignal): Promise<void> {
    this.#opening.set();
    await Promise.all([this.#keeper.tried, this.#opened]);
    await this.#fanOut?.finish();
    await Promise.all(this.#lanes.map((lane) => lane.finish(signal)));
    await this.#keeper.stop(this.#busy);
    await this.#monitor.end();
  }

  /** Tells every part to end as soon as what it waits for lets it. */
  #abandon(signal: AbortSignal): void {
    void this.#fanOut?.finish();
    for (const lane of this.#lanes) void lane.finish(signal);
    void this.#keeper.stop(this.#busy);
    void this.#monitor.end();
  }

  async #close(): Promise<void> {
    this.#metrics.close();
    await this.#setup.wake?.stop();
  }

  readonly #busy = (partition: number): boolean => this.#lanes.some((lane) => lane.busy(partition));

  #wakeLanes(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  #leaseChanged(dropped: ReadonlySet<number>): void {
    for (const lane of this.#lanes) lane.drop(dropped);
    this.#fanOut?.wake();
    const partitions = this.#keeper.readable();
    if (
      partitions.length === this.#partitions.length &&
      partitions.every((partition, index) => partition === this.#partitions[index])
    )
      return;
    this.#partitions = partitions;
    this.#listener({ kind: 'partitionsChanged', partitions });
  }

  async #announceLag(depth: OutboxDepth): Promise<boolean> {
    // One relay speaks for all: whoever holds the first partition.
    if (this.#keeper.generation(0) === undefined) return false;
    const { store, origin } = this.#setup;
    await store.append([laggingAlert(depth, this.#options.lagBound, origin())]);
    this.wake();
    return true;
  }

  readonly #onDatabase = (failure: unknown): void => {
    if (failure === undefined) {
      if (this.#databaseAway) this.#listener({ kind: 'databaseRecovered' });
      this.#databaseAway = false;
    } else if (isWaitTimeout(failure)) {
      // It is there, and others have its connections: the relay reports so by itself.
    } else if (!this.#databaseAway && this.#stopped === undefined) {
      this.#databaseAway = true;
      const error =
        failure instanceof Error ? failure : new Error('unknown failure', { cause: failure });
      this.#listener({ kind: 'databaseUnavailable', error });
    }
  };
}

/**
 * The leases of a relay without a bus. It drains the outbox to the journal, unless events of this
 * database go to a bus: then they are not its to drain, and it holds no partition that a relay with the bus
 * would wait for.
 */
function unlessPublished({ outbox, leases }: OutboxRelaySetup['store']): LeaseStore {
  return {
    ...leases,
    async acquire(relay, ttl) {
      if ((await outbox.registerBuses([])).length === 0) return leases.acquire(relay, ttl);
      await leases.leave(relay, []);
      return { partitions: [], surplus: [] };
    },
  };
}

/** Names are written into outbox rows. */
function assertBusNames(buses: readonly Bus[]): void {
  const names = new Set<string>();
  for (const { name } of buses) {
    const fault = names.has(name) ? 'is used twice' : nameFault(name);
    if (fault !== undefined) {
      throw new ConfigurationError(
        'CONFIG_VALUE_INVALID',
        `The bus name '${name}' ${fault}. Give each bus a name of its own: 1 to 64 ASCII characters.`,
        { parameters: { key: 'buses', value: name } },
      );
    }
    names.add(name);
  }
}

function nameFault(name: string): string | undefined {
  return /^[\x21-\x7e]{1,64}$/.test(name) ? undefined : 'is malformed';
}
