import type BetterSqlite3 from 'better-sqlite3';
import type { DataSource, EntityManager } from 'typeorm';
import { commit } from '../commit/commit.js';
import { failpoint } from '../../core/failpoints/failpoints.js';
import { nextEventId } from '../../core/identity/event-id.js';
import type { ResourceBinding } from '../resource/binding.js';
import type { PlannedWriter } from '../commit/guarded-transition.js';
import {
  needsPlanning,
  transitionPlanned,
  transitionPlannedWithin,
} from '../commit/guarded-transition.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import { openTransaction } from '../commit/open-transaction.js';
import type { LockedRow, PlannedTransition } from '../../core/planning/plan.js';
import { planTransition } from '../../core/planning/plan.js';
import type {
  DeadlineChange,
  TransitionOutcome,
  TransitionRequest,
} from '../../core/planning/transition-request.js';
import { connectionOf, exclusive } from './exclusive.js';
import { readArmedRevision, readRow, writeDeadlines, writeEntries, writePlan } from './write.js';

/**
 * Writes transitions and events to SQLite (better-sqlite3). A batch is read, planned and committed in
 * one turn of the event loop on TypeORM's own connection, by prepared statements. One commit for each
 * batch is what costs: with `enableWAL: true` on the DataSource it is several times cheaper, and
 * readers of other processes do not block it.
 */
export class SqliteWriter implements PlannedWriter {
  readonly #dataSource: DataSource;
  readonly #nextId: () => string;
  readonly #space: string;

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
    if (batch.some((request) => needsPlanning(binding, request))) {
      return transitionPlanned(this.#dataSource, this, binding, batch, this.#nextId);
    }
    return this.#commit((connection) => {
      const outcomes = batch.map((request) => {
        const row = readRow(connection, binding, request.uuid);
        failpoint('guard');
        const plan = planTransition(binding, row, request, { nextId: this.#nextId });
        if (plan instanceof Error) {
          return plan;
        }
        writePlan(connection, binding, plan, this.#space);
        return plan.outcome;
      });
      failpoint('commit');
      return outcomes;
    }, anyMoved);
  }

  async transitionWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    request: TransitionRequest,
  ): Promise<TransitionOutcome> {
    openTransaction(manager);
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
    await this.#commit(
      (connection) => {
        writeEntries(connection, entries, this.#space);
        failpoint('commit');
      },
      () => entries.length > 0,
    );
  }

  /** Commits; the lock of the file is already held here. */
  #commit<T>(
    work: (connection: BetterSqlite3.Database) => T,
    appends: (result: T) => boolean,
  ): Promise<T> {
    return commit(this.#dataSource, () => exclusive(this.#dataSource, work), { appends, tries: 1 });
  }

  async appendWithin(manager: EntityManager, entries: readonly JournalEntry[]): Promise<void> {
    openTransaction(manager);
    const connection = connectionOf(this.#dataSource);
    connection.transaction(() => writeEntries(connection, entries, this.#space))();
  }

  async scheduleWithin(manager: EntityManager, change: DeadlineChange): Promise<void> {
    openTransaction(manager);
    const connection = connectionOf(this.#dataSource);
    connection.transaction(() => writeDeadlines(connection, change, this.#space))();
  }

  async lockWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    uuids: readonly string[],
  ): Promise<ReadonlyMap<string, LockedRow>> {
    openTransaction(manager);
    const connection = connectionOf(this.#dataSource);
    return new Map(
      uuids.flatMap((uuid) => {
        const row = readRow(connection, binding, uuid);
        return row === undefined ? [] : [[uuid, row]];
      }),
    );
  }

  async armedWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    deadlines: readonly { readonly uuid: string; readonly id: string }[],
  ): Promise<ReadonlyMap<string, number>> {
    openTransaction(manager);
    const connection = connectionOf(this.#dataSource);
    return new Map(
      deadlines.flatMap(({ uuid, id }) => {
        const revision = readArmedRevision(connection, this.#space + binding.resource, uuid, id);
        return revision === undefined ? [] : [[uuid, revision]];
      }),
    );
  }

  async applyWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    plans: readonly PlannedTransition[],
  ): Promise<void> {
    openTransaction(manager);
    const connection = connectionOf(this.#dataSource);
    connection.transaction(() => {
      for (const plan of plans) {
        writePlan(connection, binding, plan, this.#space);
      }
    })();
  }
}

function anyMoved(outcomes: readonly TransitionOutcome[]): boolean {
  return outcomes.some((outcome) => !(outcome instanceof Error));
}
