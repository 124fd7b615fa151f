import type { DataSource, EntityManager } from 'typeorm';
import { failpoint } from '../../core/failpoints/failpoints.js';
import type { ResourceBinding } from '../resource/binding.js';
import { hasChain } from '../../core/planning/chain.js';
import { commit } from '../commit/commit.js';
import { findAppended } from '../commit/in-journal.js';
import { nextEventId } from '../../core/identity/event-id.js';
import {
  needsPlanning,
  type PlannedWriter,
  transitionPlanned,
  transitionPlannedWithin,
} from '../commit/guarded-transition.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import { openTransaction } from '../commit/open-transaction.js';
import type { LockedRow, PlannedTransition } from '../../core/planning/plan.js';
import { RowLocked } from '../../core/planning/row-locked.js';
import type {
  DeadlineChange,
  TransitionOutcome,
  TransitionRequest,
} from '../../core/planning/transition-request.js';
import { runNamed } from './connection.js';
import {
  appendStatement,
  appendValues,
  lockRows,
  readArmedRevisions,
  writeDeadlines,
  writeEntries,
  writePlans,
} from './planned-writes.js';
import { TransitionExecutor } from './transition.js';
import { writeSeen } from './write-seen.js';

/**
 * Writes transitions and events to PostgreSQL. Unguarded events take one named statement on TypeORM's
 * own pool, one round trip and one commit for the whole batch; events with guards, deadlines, and
 * several transitions of one resource are planned in the process under the row locks.
 */
export class PostgresWriter implements PlannedWriter {
  readonly #dataSource: DataSource;
  readonly #nextId: () => string;
  readonly #space: string;
  readonly #lanes = new WeakMap<ResourceBinding, TransitionExecutor>();

  /** @param space What stands before the names of the application's buses and resources. */
  constructor(dataSource: DataSource, nextId: () => string = nextEventId, space = '') {
    this.#dataSource = dataSource;
    this.#space = space;
    this.#nextId = nextId;
  }

  async transition(
    binding: ResourceBinding,
    batch: readonly TransitionRequest[],
  ): Promise<readonly TransitionOutcome[]> {
    if (batch.length === 0) {
      return [];
    }
    if (hasChain(batch) || batch.some((request) => needsPlanning(binding, request))) {
      return this.#planned(binding, batch);
    }
    const outcomes = await this.#lane(binding).run(this.#dataSource, batch);
    // Alone it is busy or raced once more: locking first, waiting, and reading second cannot.
    return batch.length === 1 && outcomes[0] instanceof RowLocked
      ? this.#planned(binding, batch)
      : outcomes;
  }

  async transitionWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    request: TransitionRequest,
  ): Promise<TransitionOutcome> {
    openTransaction(manager);
    if (!needsPlanning(binding, request)) {
      const outcome = await this.#lane(binding).runWithin(manager, request);
      if (!(outcome instanceof RowLocked)) {
        return outcome;
      }
    }
    const [outcome] = await transitionPlannedWithin(
      manager,
      this,
      binding,
      [request],
      this.#nextId,
    );
    return outcome as TransitionOutcome;
  }

  async append(entries: readonly JournalEntry[]): Promise<void> {
    if (entries.length === 0) {
      return;
    }
    await commit<unknown>(
      this.#dataSource,
      async (handOver) => {
        failpoint('journal');
        return runNamed(
          this.#dataSource,
          appendStatement,
          appendValues(entries, this.#space),
          (session) => handOver({ session, find: (manager) => findAppended(manager, entries) }),
        );
      },
      { appends: () => true },
    );
  }

  async appendWithin(manager: EntityManager, entries: readonly JournalEntry[]): Promise<void> {
    await writeEntries(manager, entries, this.#space);
  }

  async scheduleWithin(manager: EntityManager, change: DeadlineChange): Promise<void> {
    await writeDeadlines(manager, [change], this.#space);
  }

  async lockWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    uuids: readonly string[],
    skipLocked?: boolean,
  ): Promise<ReadonlyMap<string, LockedRow>> {
    return lockRows(manager, binding, uuids, skipLocked);
  }

  async armedWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    deadlines: readonly { readonly uuid: string; readonly id: string }[],
  ): Promise<ReadonlyMap<string, number>> {
    return readArmedRevisions(manager, this.#space + binding.resource, deadlines);
  }

  async applyWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    plans: readonly PlannedTransition[],
  ): Promise<void> {
    await writePlans(manager, binding, plans, this.#space);
  }

  async applySeenWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    seen: LockedRow,
    plan: PlannedTransition,
  ): Promise<boolean> {
    return writeSeen(manager, binding, seen, plan, this.#space);
  }

  #planned(
    binding: ResourceBinding,
    batch: readonly TransitionRequest[],
  ): Promise<readonly TransitionOutcome[]> {
    return transitionPlanned(this.#dataSource, this, binding, batch, this.#nextId);
  }

  #lane(binding: ResourceBinding): TransitionExecutor {
    let lane = this.#lanes.get(binding);
    if (lane === undefined) {
      lane = new TransitionExecutor(binding, this.#nextId, this.#space);
      this.#lanes.set(binding, lane);
    }
    return lane;
  }
}
