import type { EventContext } from '../../core/planning/event-context.js';
import type { OutboxRecord, OutboxStore } from '../../core/stores/outbox-store.js';
import type { Backoff } from '../kit/backoff.js';
import { orderKey, type PublisherRows } from './publisher-rows.js';
import { parkedAlert } from './relay-alerts.js';
import type { QueuedRow } from './resource-queues.js';

/** Options of parking. */
export interface ParkingOptions {
  readonly outbox: OutboxStore;
  /** The bus that refuses. */
  readonly bus: string;
  /** The name its rows wait for; empty when it takes every row. */
  readonly waitingFor: string;
  readonly rows: PublisherRows;
  readonly origin: () => EventContext;
  readonly backoff: Backoff;
  /** Waits, or less where the lane ends. */
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly onParked: (row: OutboxRecord, reason: string) => void;
  /** There may be rows to read. */
  readonly onChange: () => void;
  readonly onDatabase: (failure: unknown) => void;
}

/** Puts aside what the bus refused for good, and what comes behind it of the same resource. */
export class Parking {
  readonly #given: ParkingOptions;
  /** Resources that wait behind a parked event; `hold` finds out when one no longer does. */
  readonly #blocked = new Set<string>();
  #known = false;

  constructor(given: ParkingOptions) {
    this.#given = given;
  }

  /** Anybody may have parked anything: it is read before the next rows are. */
  invalidate(): void {
    this.#known = false;
  }

  /** Reads which resources wait behind a parked event, where that is not known. */
  async refresh(): Promise<void> {
    if (this.#known) return;
    this.#known = true;
    try {
      const { outbox, waitingFor } = this.#given;
      for (const key of await outbox.parkedResources(waitingFor)) this.#blocked.add(key);
    } catch (error) {
      this.#known = false;
      throw error;
    }
  }

  /** True when rows of the resource must be held. */
  blocks(key: string): boolean {
    return this.#blocked.has(key);
  }

  /** Parks a row taken. Never rejects: what cannot be parked now is read, and refused, again. */
  async park(item: QueuedRow, reason: string): Promise<void> {
    const { bus, outbox, rows, origin, backoff, sleep, onParked, onChange, onDatabase } =
      this.#given;
    const { row, key } = item;
    try {
      if (await outbox.park(row, reason, parkedAlert(row, bus, reason, origin()))) {
        this.#blocked.add(key);
        onParked(row, reason);
      }
      await this.hold(rows.takeBehind(key));
      backoff.reset();
      rows.leave(item);
    } catch (error) {
      onDatabase(error);
      // Whether it was parked, only the database knows.
      this.#known = false;
      await sleep(backoff.next());
      rows.forgetTaken(item);
    }
    onChange();
  }

  /** Moves rows behind the parked one of their resource, and forgets them. */
  async hold(held: readonly OutboxRecord[]): Promise<void> {
    if (held.length === 0) return;
    const { outbox, rows, onChange } = this.#given;
    try {
      const moved = await outbox.hold(held);
      const positions = new Set(moved.map(({ position }) => position));
      for (const row of held) {
        // Put back by an operator: it is read again, from the first of its resource on.
        if (!positions.has(row.position)) this.#blocked.delete(orderKey(row));
      }
    } finally {
      for (const row of held) rows.forget(row, orderKey(row));
      onChange();
    }
  }
}
