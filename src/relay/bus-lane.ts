import { setTimeout as delay } from 'node:timers/promises';
import type { Bus, Published } from '../bus/bus.js';
import { reach } from '../crash-points/crash-points.js';
import { RefusedError, UnavailableError } from '../errors/errors.js';
import type { Format } from '../formats/format.js';
import type { EventOrigin } from '../store/origin.js';
import { shareCount, type OutboxRecord, type OutboxStore } from '../store/store.js';
import { backoff } from './backoff.js';
import { ConfirmedRows } from './confirmed-rows.js';
import type { Lease } from './lease-keeper.js';
import { outboxMessage } from './outbox-message.js';
import { parkedAlert } from './relay-alerts.js';
import type { RelayMetrics } from './relay-metrics.js';
import type { RelayListener } from './relay-notice.js';
import type { ResolvedRelayOptions } from './relay-options.js';
import { ResourceQueues, type QueuedRow } from './resource-queues.js';
import { Wakeup } from './wakeup.js';

// Under load, wake-ups come faster than reads are worth: this many milliseconds fill a batch.
const gatherFor = 5;

/** What a lane needs. */
export interface BusLaneOptions {
  readonly bus: Bus;
  /** The name rows wait for: the bus's, or null when it is the only one and takes every row. */
  readonly waitingFor: string | null;
  readonly outbox: OutboxStore;
  readonly format: Format;
  readonly lease: Lease;
  readonly origin: () => EventOrigin;
  readonly options: ResolvedRelayOptions;
  readonly metrics: RelayMetrics;
  readonly listener: RelayListener;
  /** Called for every failure of the database, and with undefined when it answers. */
  readonly onDatabase: (failure: unknown) => void;
}

/**
 * Moves rows from the outbox to one bus: one event of a resource under way at a time, resources in
 * parallel, the next batch read while this one is published. A row stays in the outbox until the bus
 * has it; a bus that is away is tried again with growing delays and holds up no other lane.
 *
 * Every read begins at the head of the outbox and passes over what the lane already has. So a row
 * that becomes visible late is never overtaken by a later one of its resource, and the memory holds no
 * more than two batches besides what is under way.
 */
export class BusLane {
  readonly #given: BusLaneOptions;
  readonly #queues = new ResourceQueues();
  readonly #confirmed: ConfirmedRows;
  readonly #wakeup = new Wakeup();
  readonly #busBackoff;
  readonly #readBackoff;
  readonly #parkBackoff;
  /** One resource with a long queue must not fill the memory: its share is read no further. */
  readonly #crowd: number;
  /** Positions in memory, from the read until the database no longer has them. */
  readonly #known = new Set<number>();
  /** Rows of each share taken from the queues and still in the outbox. */
  readonly #busy: number[] = Array.from({ length: shareCount }, () => 0);
  /** Resources that wait behind a parked event; `#hold` finds out when one no longer does. */
  readonly #blocked = new Set<string>();
  #blockedKnown = false;
  /** Resources of which an event was forgotten to be read again, since the read under way began. */
  readonly #toReadAgain = new Set<string>();
  /** Shares that the last read left out. */
  #crowded: readonly number[] = [];
  #full = false;
  #inFlight = 0;
  /** Set while the bus is given time to come back. */
  #pause: NodeJS.Timeout | undefined;
  /** After a pause, one event tries whether the bus is back before the others follow. */
  #probing = false;
  #finishing = false;
  #exhausted = false;
  readonly #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();
  readonly #waiting = new Set<() => void>();

  constructor(given: BusLaneOptions) {
    this.#given = given;
    const { retryDelay, maxRetryDelay, batch } = given.options;
    this.#busBackoff = backoff(retryDelay, maxRetryDelay);
    this.#readBackoff = backoff(retryDelay, maxRetryDelay);
    this.#parkBackoff = backoff(retryDelay, maxRetryDelay);
    this.#crowd = Math.max(1, Math.floor(batch / 4));
    this.#confirmed = new ConfirmedRows({
      outbox: given.outbox,
      batch,
      backoff: backoff(retryDelay, maxRetryDelay),
      onRemoved: (rows) => this.#removed(rows),
      onFailure: given.onDatabase,
    });
  }

  start(): void {
    this.#confirmed.start();
    this.#running = this.#run();
  }

  /** There may be new rows, or the lease is valid again. */
  wake(): void {
    this.#wakeup.set();
  }

  /** True while a row of this share may yet reach the bus, or be removed. */
  busy(share: number): boolean {
    return (this.#busy[share] ?? 0) > 0;
  }

  /** The shares held have changed: drops rows of these from memory; what is under way goes on. */
  drop(shares: ReadonlySet<number>): void {
    // Whoever held the new ones may have parked anything.
    this.#blockedKnown = false;
    for (const { row } of this.#queues.removeShares(shares)) this.#known.delete(row.position);
    this.#wakeup.set();
  }

  /** Resolves when nothing of these shares is under way. */
  async quiet(shares: ReadonlySet<number>): Promise<void> {
    await this.#until(() => [...shares].every((share) => !this.busy(share)));
  }

  /**
   * Publishes what was committed before the call, as far as the bus takes it and `signal` allows, and
   * ends. Never rejects.
   */
  async finish(signal: AbortSignal): Promise<void> {
    this.#finishing = true;
    this.#confirmed.hurry();
    this.#wakeup.set();
    signal.addEventListener('abort', this.#announceChange);
    await this.#until(() => signal.aborted || this.#pause !== undefined || this.#isEmpty());
    signal.removeEventListener('abort', this.#announceChange);
    clearTimeout(this.#pause);
    this.#ending.abort();
    this.#announceChange();
    this.#wakeup.set();
    await Promise.all([this.#running, this.#confirmed.end()]);
  }

  get #ended(): boolean {
    return this.#ending.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      try {
        if (await this.#read()) continue;
        await this.#wakeup.wait(this.#given.options.pollInterval);
        if (this.#inFlight > 0) await this.#sleep(gatherFor);
      } catch (error) {
        this.#given.onDatabase(error);
        this.#exhausted = this.#finishing;
        this.#announceChange();
        await this.#sleep(this.#readBackoff.next());
      }
    }
  }

  /** Reads the next batch; true when another should follow at once. */
  async #read(): Promise<boolean> {
    const { outbox, lease, options, waitingFor, onDatabase } = this.#given;
    const finishing = this.#finishing;
    if (!lease.valid()) {
      this.#exhausted = finishing;
      this.#announceChange();
      return false;
    }
    // The lease may have been invalid, or the last read have failed, with rows in memory.
    this.#pump();
    this.#full = this.#queues.size >= options.batch;
    if (this.#exhausted || this.#full || this.#pause !== undefined) return false;
    const generations = new Map(
      lease.readable().map((share) => [share, lease.generation(share)] as const),
    );
    const held = [...generations.keys()];
    this.#crowded = held.filter((share) => this.#queues.sizeOf(share) >= this.#crowd);
    const shares = held.filter((share) => !this.#crowded.includes(share));
    await this.#readBlocked();
    this.#toReadAgain.clear();
    reach('read');
    const rows = await outbox.read({
      shares,
      bus: waitingFor,
      except: [...this.#known],
      limit: options.batch,
    });
    onDatabase(undefined);
    this.#readBackoff.reset();
    const behind: OutboxRecord[] = [];
    for (const row of rows) {
      const generation = lease.generation(row.share);
      if (generation === undefined || generation !== generations.get(row.share)) continue;
      const key = keyOf(row);
      // The read passed over the event that must come first: the next one finds both.
      if (this.#toReadAgain.has(key)) continue;
      this.#known.add(row.position);
      if (this.#blocked.has(key)) behind.push(row);
      else this.#queues.add({ row, key, generation });
    }
    await this.#hold(behind);
    const last = rows.length < options.batch;
    if (finishing && last && this.#crowded.length === 0) this.#exhausted = true;
    this.#pump();
    this.#announceChange();
    return !last;
  }

  async #readBlocked(): Promise<void> {
    if (this.#blockedKnown) return;
    this.#blockedKnown = true;
    try {
      const { outbox, waitingFor } = this.#given;
      for (const key of await outbox.parkedResources(waitingFor ?? '')) this.#blocked.add(key);
    } catch (error) {
      this.#blockedKnown = false;
      throw error;
    }
  }

  /** Starts as many publishes as the window and the lease allow. */
  #pump(): void {
    const { lease, options } = this.#given;
    const window = this.#probing ? 1 : options.window;
    while (!this.#ended && this.#pause === undefined && this.#inFlight < window && lease.valid()) {
      const item = this.#queues.take();
      if (item === undefined) break;
      if (lease.generation(item.row.share) !== item.generation) {
        this.#readAgain(item);
        continue;
      }
      this.#busy[item.row.share] = (this.#busy[item.row.share] ?? 0) + 1;
      this.#inFlight += 1;
      void this.#publish(item);
    }
    // At half of what stopped the reading, so that a batch is read and not a row.
    const room =
      (this.#full && this.#queues.size <= options.batch / 2) ||
      this.#crowded.some((share) => this.#queues.sizeOf(share) <= this.#crowd / 2);
    if (room) {
      this.#full = false;
      this.#crowded = [];
      this.#wakeup.set();
    }
  }

  async #publish(item: QueuedRow): Promise<void> {
    try {
      const message = outboxMessage(this.#given.format, item.row);
      reach('publish');
      const published = await this.#given.bus.publish(message);
      reach('confirm');
      await this.#published(item, message.key, published);
    } catch (error) {
      await this.#failed(item, toError(error));
    }
    this.#inFlight -= 1;
    this.#pump();
    this.#announceChange();
  }

  async #published(item: QueuedRow, key: string, { routed }: Published): Promise<void> {
    const { bus, metrics, listener, options } = this.#given;
    this.#recovered();
    if (!routed) {
      metrics.count('unroutable', bus.name);
      listener({ type: 'unroutable', bus: bus.name, id: item.row.id, key });
      if (options.unroutable === 'hold') {
        await this.#park(item, 'unroutable: no binding wants it');
        return;
      }
    }
    metrics.count('published', bus.name);
    this.#confirmed.add(item.row);
    this.#queues.done(item.key);
  }

  async #failed(item: QueuedRow, error: Error): Promise<void> {
    const refused =
      error instanceof RefusedError ||
      (error instanceof UnavailableError && error.code === 'PUBLISH_REFUSED');
    if (refused) {
      this.#recovered();
      await this.#park(item, error.message);
      return;
    }
    this.#given.metrics.count('retried', this.#given.bus.name);
    this.#notBusy(item.row);
    if (this.#given.lease.generation(item.row.share) === item.generation) {
      this.#queues.putBack(item);
    } else {
      this.#readAgain(item);
    }
    this.#pauseFor(error);
  }

  /**
   * Forgets an event that was taken under a lease that is over. What was read behind it since, under the
   * next lease, must not go first, and is forgotten with it.
   */
  #readAgain({ row, key }: QueuedRow): void {
    this.#toReadAgain.add(key);
    this.#known.delete(row.position);
    for (const behind of this.#queues.removeKey(key)) this.#known.delete(behind.row.position);
    this.#queues.done(key);
    this.#wakeup.set();
  }

  #pauseFor(error: Error): void {
    if (this.#pause !== undefined || this.#ended) return;
    const { bus, listener } = this.#given;
    const retryIn = Math.round(this.#busBackoff.next());
    this.#probing = true;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#pump();
      this.#wakeup.set();
    }, retryIn);
    listener({ type: 'bus-unavailable', bus: bus.name, error, retryIn });
  }

  /** The bus answers. */
  #recovered(): void {
    if (!this.#probing) return;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#probing = false;
    this.#busBackoff.reset();
    this.#given.listener({ type: 'bus-recovered', bus: this.#given.bus.name });
    this.#wakeup.set();
  }

  /** Never rejects: what cannot be parked now is tried again, and refused again. */
  async #park(item: QueuedRow, reason: string): Promise<void> {
    const { bus, outbox, origin, metrics, listener, onDatabase } = this.#given;
    const { row, key } = item;
    try {
      if (await outbox.park(row, reason, parkedAlert(row, bus.name, reason, origin()))) {
        this.#blocked.add(key);
        metrics.count('parked', bus.name);
        listener({ type: 'parked', bus: bus.name, position: row.position, id: row.id, reason });
      }
      await this.#hold(this.#queues.removeKey(key).map((behind) => behind.row));
      this.#parkBackoff.reset();
    } catch (error) {
      onDatabase(error);
      // Whether it was parked, only the database knows.
      this.#blockedKnown = false;
      for (const behind of this.#queues.removeKey(key)) this.#known.delete(behind.row.position);
      await this.#sleep(this.#parkBackoff.next());
    }
    this.#known.delete(row.position);
    this.#notBusy(row);
    this.#queues.done(key);
    this.#wakeup.set();
  }

  /** Moves rows behind the parked one of their resource, and forgets them. */
  async #hold(rows: readonly OutboxRecord[]): Promise<void> {
    if (rows.length === 0) return;
    try {
      const moved = await this.#given.outbox.hold(rows);
      const positions = new Set(moved.map(({ position }) => position));
      for (const row of rows) {
        // Put back by an operator: it is read again, from the first of its resource on.
        if (!positions.has(row.position)) this.#blocked.delete(keyOf(row));
      }
    } finally {
      for (const row of rows) this.#known.delete(row.position);
      this.#wakeup.set();
    }
  }

  #removed(rows: readonly OutboxRecord[]): void {
    for (const row of rows) {
      this.#known.delete(row.position);
      this.#notBusy(row);
    }
    this.#announceChange();
  }

  #notBusy({ share }: OutboxRecord): void {
    this.#busy[share] = (this.#busy[share] ?? 1) - 1;
  }

  #isEmpty(): boolean {
    return this.#exhausted && this.#queues.size === 0 && this.#busy.every((count) => count === 0);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#ended) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  readonly #announceChange = (): void => {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  };

  /** Ends early with the lane. */
  async #sleep(milliseconds: number): Promise<void> {
    await delay(milliseconds, undefined, { signal: this.#ending.signal }).catch(() => undefined);
  }
}

/** What order is kept for. */
function keyOf({ uuid, id }: OutboxRecord): string {
  return uuid ?? id;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error });
}
