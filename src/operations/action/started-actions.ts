import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource, EntityManager } from 'typeorm';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import { backoff } from '../../delivery/kit/backoff.js';
import { ownTransaction } from '../../persistence/commit/own-transaction.js';
import { refuseInsideTransaction } from '../../persistence/commit/transaction-context.js';
import type { Store } from '../../persistence/store.js';

/**
 * Under which deadlines of started actions are kept. No resource has this name: an action that is started
 * and not ended is a deadline that its process moves on, by the id of its Started event.
 */
export const actionResource = '(action)';

/** Milliseconds without a sign of an action's process until it is taken for gone. */
const abandonedAfter = 60_000;

/** Milliseconds between two signs: two may be lost. */
const signEvery = 20_000;

const deadline = { id: `/${abandonedAfter}`, after: abandonedAfter };

/** An action whose Started event is committed. */
export interface StartedAction {
  /** Commits the event that ends it. Rejects when it cannot, and then goes on trying in the background. */
  end(entry: JournalEntry): Promise<void>;
}

/** Keeps a record of every action that is started and not ended, in the commits of its events. */
export class StartedActions {
  readonly #dataSource: DataSource;
  readonly #store: Pick<Store, 'appendWithin' | 'scheduleWithin'>;
  readonly #closed = new AbortController();

  constructor(options: {
    readonly dataSource: DataSource;
    readonly store: Pick<Store, 'appendWithin' | 'scheduleWithin'>;
  }) {
    this.#dataSource = options.dataSource;
    this.#store = options.store;
  }

  /** Commits the Started event, and gives signs until the action is ended. */
  async start(entry: JournalEntry): Promise<StartedAction> {
    refuseInsideTransaction(this.#dataSource);
    await this.#commit(entry, (manager) => this.#record(manager, entry.id));
    const signs = setInterval(() => {
      // One that is lost is followed by another.
      void this.#dataSource
        .transaction((manager) => this.#record(manager, entry.id))
        .catch(() => undefined);
    }, signEvery);
    signs.unref();
    const end = async (last: JournalEntry): Promise<void> => {
      await this.#commit(last, (manager) => this.#forget(manager, entry.id));
      clearInterval(signs);
    };
    return {
      end: async (last) => {
        try {
          await end(last);
        } catch (error) {
          void this.#tryAgain(() => end(last)).finally(() => clearInterval(signs));
          throw error;
        }
      },
    };
  }

  /** Ends what goes on in the background. */
  close(): void {
    this.#closed.abort();
  }

  async #tryAgain(end: () => Promise<void>): Promise<void> {
    const delays = backoff(500, 30_000);
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await delay(delays.next(), undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        await end();
        return;
      } catch {
        // The database is still away.
      }
    }
  }

  async #commit(
    entry: JournalEntry,
    change: (manager: EntityManager) => Promise<void>,
  ): Promise<void> {
    await ownTransaction<readonly string[]>(
      this.#dataSource,
      async (manager) => {
        await this.#store.appendWithin(manager, [entry]);
        await change(manager);
        return [entry.id];
      },
      { events: (ids) => ids },
    );
  }

  async #record(manager: EntityManager, id: string): Promise<void> {
    const key = { resource: actionResource, uuid: id, revision: 0, version: 0 };
    await this.#store.scheduleWithin(manager, { ...key, arms: [deadline], cancels: [] });
  }

  async #forget(manager: EntityManager, id: string): Promise<void> {
    const key = { resource: actionResource, uuid: id, revision: 0, version: 0 };
    await this.#store.scheduleWithin(manager, { ...key, arms: [], cancels: 'all' });
  }
}
