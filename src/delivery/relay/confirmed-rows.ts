import { failpoint } from '../../core/failpoints/failpoints.js';
import type { OutboxRecord, OutboxStore } from '../../core/stores/outbox-store.js';
import type { Backoff } from '../kit/backoff.js';
import { databaseFailure } from '../../persistence/commit/database-failure.js';
import { Wakeup } from '../kit/wakeup.js';

// Waiting this long costs no event anything, and saves the database a commit for each.
const gatherFor = 20;

/** Removes rows that the bus has, many at once, one statement under way at a time. */
export class ConfirmedRows {
  readonly #outbox: OutboxStore;
  readonly #batch: number;
  readonly #backoff: Backoff;
  readonly #onRemoved: (rows: readonly OutboxRecord[]) => void;
  readonly #onFailure: (error: unknown) => void;
  readonly #onClosed: () => void;
  readonly #wakeup = new Wakeup();
  #rows: OutboxRecord[] = [];
  #hurried = false;
  #ended = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: {
    readonly outbox: OutboxStore;
    readonly batch: number;
    readonly backoff: Backoff;
    readonly onRemoved: (rows: readonly OutboxRecord[]) => void;
    readonly onFailure: (error: unknown) => void;
    /** Called when a removal finds the DataSource destroyed. */
    readonly onClosed: () => void;
  }) {
    this.#outbox = options.outbox;
    this.#batch = options.batch;
    this.#backoff = options.backoff;
    this.#onRemoved = options.onRemoved;
    this.#onFailure = options.onFailure;
    this.#onClosed = options.onClosed;
  }

  start(): void {
    this.#running = this.#run();
  }

  add(row: OutboxRecord): void {
    this.#rows.push(row);
    if (this.#rows.length === 1 || this.#rows.length === this.#batch) this.#wakeup.set();
  }

  /** From now on rows are removed as soon as they are added. */
  hurry(): void {
    this.#hurried = true;
    this.#wakeup.set();
  }

  /** Stops after the statement under way. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#wakeup.set();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      if (this.#rows.length === 0) {
        await this.#wakeup.wait(Infinity);
        continue;
      }
      if (!this.#hurried && this.#rows.length < this.#batch) await this.#wakeup.wait(gatherFor);
      await this.#remove(this.#rows.splice(0, this.#batch));
    }
  }

  async #remove(rows: readonly OutboxRecord[]): Promise<void> {
    try {
      failpoint('delete');
      await this.#outbox.remove(rows);
      this.#backoff.reset();
      this.#onRemoved(rows);
    } catch (error) {
      this.#onFailure(error);
      this.#rows.unshift(...rows);
      if (databaseFailure(error) === 'closed') this.#onClosed();
      if (!this.#ended) await this.#wakeup.wait(this.#backoff.next());
    }
  }
}
