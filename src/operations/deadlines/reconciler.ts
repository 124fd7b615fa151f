import type { DataSource } from 'typeorm';
import { Wakeup } from '../../delivery/kit/wakeup.js';
import type { ResourceBinding } from '../../persistence/resource/binding.js';
import type { DeadlineParts } from './fire-deadline.js';
import { reconcileDeadlines } from './reconcile.js';

/** Parts of a reconciler. */
export interface ReconcilerSetup {
  readonly dataSource: DataSource;
  readonly store: DeadlineParts;
  readonly bindings: readonly ResourceBinding[];
  /** Milliseconds between two rounds. */
  readonly interval: number;
  /** Called when deadlines were armed: they may be due before the others. */
  readonly onSettled: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** Rows of a page. */
const batch = 500;

/** Milliseconds until a round that failed begins again. */
const retryAfter = 10_000;

/** Compares the resources with their deadlines, at the start and from time to time. */
export class Reconciler {
  readonly #setup: ReconcilerSetup;
  readonly #wakeup = new Wakeup();
  #stopping = false;
  #running: Promise<void> = Promise.resolve();

  constructor(setup: ReconcilerSetup) {
    this.#setup = setup;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeup.set();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { bindings, interval, onFailure } = this.#setup;
    while (!this.#stopping) {
      let wait = interval;
      for (const binding of bindings) {
        try {
          await this.#round(binding);
        } catch (error) {
          wait = Math.min(interval, retryAfter);
          onFailure(error);
        }
      }
      if (!this.#stopping) await this.#wakeup.wait(wait);
    }
  }

  async #round(binding: ResourceBinding): Promise<void> {
    const { dataSource, store, onSettled, onFailure } = this.#setup;
    const settled = await reconcileDeadlines(
      {
        dataSource,
        store,
        batch,
        stopped: () => this.#stopping,
        onIncomplete: onFailure,
        pause: (milliseconds) => this.#wakeup.wait(milliseconds),
      },
      binding,
    );
    if (settled > 0) onSettled();
  }
}
