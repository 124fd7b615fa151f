import { setTimeout as delay } from 'node:timers/promises';
import type { Bus, Published } from '../bus/bus.js';
import { publishSpan } from '../bus/messaging-spans.js';
import { beginSpan } from '../../context/span.js';
import { failpoint } from '../../core/failpoints/failpoints.js';
import { RefusedError } from '../../core/errors/errors.js';
import { sanitizeMessage } from '../../core/errors/sanitize-message.js';
import { toError } from '../../core/errors/to-error.js';
import type { EncodedEvent, Format } from '../formats/format.js';
import type { EventContext } from '../../core/planning/event-context.js';
import type { OutboxRecord, OutboxStore } from '../../core/stores/outbox-store.js';
import { backoff } from '../kit/backoff.js';
import { BusAvailability } from './bus-availability.js';
import { ConfirmedRows } from './confirmed-rows.js';
import { PublisherRows, orderKey } from './publisher-rows.js';
import type { Lease } from './lease-keeper.js';
import { outboxMessage } from './outbox-message.js';
import { Parking } from './parking.js';
import type { RelayMetrics } from './relay-metrics.js';
import type { RelayListener } from './relay-notice.js';
import type { ResolvedRelayOptions } from './relay-options.js';
import type { QueuedRow } from './resource-queues.js';
import { Wakeup } from '../kit/wakeup.js';

// Under load, wake-ups come faster than reads are worth: this many milliseconds fill a batch.
const gatherFor = 5;

/** Options of a bus publisher. */
export interface BusLaneOptions {
  readonly bus: Bus;
  /** The name rows wait for: the bus's, or null when it is the only one and takes every row. */
  readonly waitingFor: string | null;
  readonly outbox: OutboxStore;
  readonly format: Format;
  readonly lease: Lease;
  readonly origin: () => EventContext;
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
export class BusPublisher {
  readonly #given: BusLaneOptions;
  readonly #rows = new PublisherRows();
  readonly #parking: Parking;
  readonly #availability: BusAvailability;
  readonly #confirmed: ConfirmedRows;
  readonly #wakeup = new Wakeup();
  readonly #readBackoff;
  /** One resource with a long queue must not fill the memory: its partition is read no further. */
  readonly #crowd: number;
  /** Shares that the last read left out. */
  #crowded: readonly number[] = [];
  #full = false;
  #inFlight = 0;
  /** Number of events that the bus took in this turn. */
  #taken = 0;
  #settling = false;
  #finishing = false;
  #exhausted = false;
  /** The last removal found the DataSource destroyed. */
  #databaseClosed = false;
  readonly #ending = new AbortController();
  #running: Promise<void> = Promise.resolve();
  readonly #waiting = new Set<() => void>();

  constructor(given: BusLaneOptions) {
    this.#given = given;
    const { bus, listener, metrics, outbox, onDatabase } = given;
    const { retryDelay, maxRetryDelay, batch } = given.options;
    const newBackoff = () => backoff(retryDelay, maxRetryDelay);
    this.#readBackoff = newBackoff();
    this.#crowd = Math.max(1, Math.floor(batch / 4));
    this.#availability = new BusAvailability({
      backoff: newBackoff(),
      onAway: (error, retryIn) =>
        listener({ kind: 'busUnavailable', bus: bus.name, error, retryIn }),
      onAnswer: () => {
        listener({ kind: 'busRecovered', bus: bus.name });
        this.#wakeup.set();
      },
      onRetry: () => {
        this.#pump();
        this.#wakeup.set();
      },
    });
    this.#parking = new Parking({
      outbox,
      bus: bus.name,
      waitingFor: given.waitingFor ?? '',
      rows: this.#rows,
      origin: given.origin,
      backoff: newBackoff(),
      sleep: (milliseconds) => this.#sleep(milliseconds),
      onParked: ({ position, id }, reason) => {
        metrics.count('parked', bus.name);
        listener({ kind: 'parked', bus: bus.name, position, id, reason });
      },
      onChange: () => this.#wakeup.set(),
      onDatabase,
    });
    this.#confirmed = new ConfirmedRows({
      outbox,
      batch,
      backoff: newBackoff(),
      onRemoved: (rows) => {
        this.#databaseClosed = false;
        this.#rows.remove(rows);
        this.#announceChange();
      },
      onFailure: onDatabase,
      onClosed: () => {
        this.#databaseClosed = true;
        this.#announceChange();
      },
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

  /** True while a row of this partition may yet reach the bus, or be removed. */
  busy(partition: number): boolean {
    return this.#rows.busy(partition);
  }

  /** The partitions held have changed: drops rows of these from memory; what is under way goes on. */
  drop(partitions: ReadonlySet<number>): void {
    // Whoever held the new ones may have parked anything.
    this.#parking.invalidate();
    this.#rows.drop(partitions);
    this.#wakeup.set();
  }

  /** Resolves when nothing of these partitions is under way. */
  async quiet(partitions: ReadonlySet<number>): Promise<void> {
    await this.#until(() => [...partitions].every((partition) => !this.busy(partition)));
  }

  /**
   * Publishes what was committed before the call, as far as the bus takes it and `signal` allows, and
   * ends; at once when the DataSource is destroyed, because no row can be removed. Never rejects.
   */
  async finish(signal: AbortSignal): Promise<void> {
    this.#finishing = true;
    // It may be initialized again: the removal that `hurry` starts shows it.
    this.#databaseClosed = false;
    this.#confirmed.hurry();
    this.#wakeup.set();
    signal.addEventListener('abort', this.#announceChange);
    await this.#until(
      () =>
        signal.aborted ||
        this.#availability.paused ||
        this.#databaseClosed ||
        (this.#exhausted && this.#rows.empty),
    );
    signal.removeEventListener('abort', this.#announceChange);
    this.#availability.end();
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
    this.#full = this.#rows.waiting >= options.batch;
    if (this.#exhausted || this.#full || this.#availability.paused) return false;
    const generations = new Map(
      lease.readable().map((partition) => [partition, lease.generation(partition)] as const),
    );
    const held = [...generations.keys()];
    this.#crowded = held.filter((partition) => this.#rows.waitingOf(partition) >= this.#crowd);
    const partitions = held.filter((partition) => !this.#crowded.includes(partition));
    await this.#parking.refresh();
    const except = this.#rows.beginRead();
    failpoint('read');
    const rows = await outbox.read({ partitions, bus: waitingFor, except, limit: options.batch });
    onDatabase(undefined);
    this.#readBackoff.reset();
    const behind: OutboxRecord[] = [];
    for (const row of rows) {
      const generation = lease.generation(row.partition);
      if (generation === undefined || generation !== generations.get(row.partition)) continue;
      const key = orderKey(row);
      if (!this.#rows.note(row, key)) continue;
      if (this.#parking.blocks(key)) behind.push(row);
      else this.#rows.add({ row, key, generation });
    }
    await this.#parking.hold(behind);
    const last = rows.length < options.batch;
    if (finishing && last && this.#crowded.length === 0) this.#exhausted = true;
    this.#pump();
    this.#announceChange();
    return !last;
  }

  /** Starts as many publishes as the window and the lease allow. */
  #pump(): void {
    const { lease, options } = this.#given;
    const window = this.#availability.probing ? 1 : options.window;
    while (!this.#ended && !this.#availability.paused && this.#inFlight < window && lease.valid()) {
      const item = this.#rows.take();
      if (item === undefined) break;
      if (lease.generation(item.row.partition) !== item.generation) {
        this.#readAgain(item);
        continue;
      }
      this.#inFlight += 1;
      this.#publish(item);
    }
    // At half of what stopped the reading, so that a batch is read and not a row.
    const room =
      (this.#full && this.#rows.waiting <= options.batch / 2) ||
      this.#crowded.some((partition) => this.#rows.waitingOf(partition) <= this.#crowd / 2);
    if (room) {
      this.#full = false;
      this.#crowded = [];
      this.#wakeup.set();
    }
  }

  // Neither this nor what follows it is an async function: an event would cost several promises more.
  #publish(item: QueuedRow): void {
    const message = this.#encode(item);
    if (message === undefined) return;
    const { key } = message;
    const { bus } = this.#given;
    const span = beginSpan(() => publishSpan(bus, item.row, message));
    let published: Promise<Published>;
    try {
      failpoint('publish');
      published = span ? span.within(() => bus.publish(message)) : bus.publish(message);
    } catch (error) {
      published = Promise.reject(toError(error));
    }
    published.then(
      ({ routed }) => {
        failpoint('confirm');
        span?.end();
        this.#published(item, key, routed);
      },
      (error: unknown) => {
        span?.end(toError(error));
        this.#failed(item, toError(error));
      },
    );
  }

  /** Parks what the format cannot write: it is pure, and would never write it. */
  #encode(item: QueuedRow): EncodedEvent | undefined {
    const { format } = this.#given;
    try {
      return outboxMessage(format, item.row);
    } catch (error) {
      const { message } = toError(error);
      this.#park(
        item,
        error instanceof RefusedError
          ? message
          : sanitizeMessage(`the format ${format.name} cannot write it: ${message}`),
      );
      return undefined;
    }
  }

  #published(item: QueuedRow, key: string, routed: boolean): void {
    const { bus, metrics, listener, options } = this.#given;
    this.#availability.answered();
    if (!routed) {
      metrics.count('unroutable', bus.name);
      listener({ kind: 'unroutable', bus: bus.name, id: item.row.id, key });
      if (options.unroutable === 'hold') {
        this.#park(item, 'unroutable: no binding wants it');
        return;
      }
    }
    this.#taken += 1;
    this.#confirmed.add(item.row);
    this.#rows.confirm(item);
    this.#settled();
  }

  #failed(item: QueuedRow, error: Error): void {
    const { bus, lease, metrics } = this.#given;
    if (error instanceof RefusedError) {
      this.#availability.answered();
      this.#park(item, error.message);
      return;
    }
    metrics.count('retried', bus.name);
    if (lease.generation(item.row.partition) === item.generation) this.#rows.putBack(item);
    else this.#readAgain(item);
    if (!this.#ended) this.#availability.failed(error);
    this.#settled();
  }

  #park(item: QueuedRow, reason: string): void {
    void this.#parking.park(item, reason).then(() => this.#settled());
  }

  /** A publish is over. A broker confirms many at once, and what follows is done once for all of them. */
  #settled(): void {
    this.#inFlight -= 1;
    if (this.#settling) return;
    this.#settling = true;
    queueMicrotask(() => {
      this.#settling = false;
      const { metrics, bus } = this.#given;
      if (this.#taken > 0) metrics.count('published', bus.name, this.#taken);
      this.#taken = 0;
      this.#pump();
      this.#announceChange();
    });
  }

  /** An event was taken under a lease that is over: whoever holds its partition now must read it. */
  #readAgain(item: QueuedRow): void {
    this.#rows.forgetTaken(item);
    this.#wakeup.set();
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
