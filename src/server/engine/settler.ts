import { setTimeout } from 'node:timers/promises';
import { backoff } from '../../delivery/kit/backoff.js';
import type { DeliveryStore, DrainEnd, Settlement } from '../store/delivery-store.js';

interface Waiting {
  readonly settlements: readonly Settlement[];
  readonly ends: readonly DrainEnd[];
  readonly resolve: () => void;
}

/**
 * Commits how deliveries ended, many in one transaction: what comes while one is under way goes into the
 * next. Goes on trying while the database is away; what was never committed is delivered again by whoever
 * takes the lease.
 */
export class Settler {
  readonly #store: DeliveryStore;
  readonly #owner: string;
  readonly #onFailure: (error: unknown) => void;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  #abandoned = false;

  constructor(store: DeliveryStore, owner: string, onFailure: (error: unknown) => void) {
    this.#store = store;
    this.#owner = owner;
    this.#onFailure = onFailure;
  }

  /** Resolves when it is committed. Never rejects. */
  settle(settlements: readonly Settlement[], ends: readonly DrainEnd[]): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ settlements, ends, resolve });
      this.#running ??= this.#run();
    });
  }

  /** Gives up what cannot be committed. */
  async abandon(): Promise<void> {
    this.#abandoned = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    // What settles in the same turn goes along.
    await Promise.resolve();
    const delays = backoff(50, 5000);
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0, atOnce);
      for (;;) {
        try {
          await this.#store.settle(
            this.#owner,
            some.flatMap(({ settlements }) => settlements),
            some.flatMap(({ ends }) => ends),
          );
          delays.reset();
          break;
        } catch (error) {
          this.#onFailure(error);
          if (this.#abandoned) break;
          await setTimeout(delays.next());
        }
      }
      for (const { resolve } of some) resolve();
    }
    this.#running = undefined;
  }
}

const atOnce = 500;
