import type { OutboxStore } from '../../core/stores/outbox-store.js';
import { backoff } from '../kit/backoff.js';
import type { Lease } from './lease-keeper.js';
import type { ResolvedRelayOptions } from './relay-options.js';
import { Wakeup } from '../kit/wakeup.js';

/** Options of a fan-out. */
export interface FanOutOptions {
  readonly outbox: OutboxStore;
  /** None: rows are removed, and live on in the journal only. */
  readonly buses: readonly string[];
  readonly lease: Lease;
  readonly options: ResolvedRelayOptions;
  /** Called when rows were turned. */
  readonly onRows: () => void;
  readonly onDatabase: (failure: unknown) => void;
}

/** Turns rows that wait for every bus into one row for each bus, so that each bus has its own pace. */
export class FanOut {
  readonly #given: FanOutOptions;
  readonly #wakeup = new Wakeup();
  readonly #backoff;
  #finishing = false;
  #running: Promise<void> = Promise.resolve();

  constructor(given: FanOutOptions) {
    this.#given = given;
    this.#backoff = backoff(given.options.retryDelay, given.options.maxRetryDelay);
  }

  start(): void {
    this.#running = this.#run();
  }

  wake(): void {
    this.#wakeup.set();
  }

  /** Turns what was committed before the call, if the database allows, and ends. */
  async finish(): Promise<void> {
    this.#finishing = true;
    this.#wakeup.set();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (;;) {
      const last = this.#finishing;
      const wait = await this.#turnAll();
      if (last) return;
      await this.#wakeup.wait(wait);
    }
  }

  /** Returns how long to wait before the next round. */
  async #turnAll(): Promise<number> {
    const { outbox, buses, lease, options, onRows, onDatabase } = this.#given;
    try {
      while (lease.valid()) {
        const partitions = lease.readable();
        const turned = await outbox.fanOut({ partitions, buses, limit: options.batch });
        onDatabase(undefined);
        this.#backoff.reset();
        if (turned > 0) onRows();
        if (turned < options.batch) break;
      }
      return options.pollInterval;
    } catch (error) {
      onDatabase(error);
      return this.#backoff.next();
    }
  }
}
