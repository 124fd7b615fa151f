import type { Connection, PoolConnection } from 'mysql2';
import type { DataSource, EntityManager } from 'typeorm';
import { failpoint } from '../../core/failpoints/failpoints.js';
import { nextEventId } from '../../core/identity/event-id.js';
import type { ResourceBinding } from '../resource/binding.js';
import { planInTurn, uuidsOf } from '../../core/planning/chain.js';
import { lockedRow } from '../guard/column-values.js';
import { commit, type Pending, StrayTransaction } from '../commit/commit.js';
import { withTypedErrors } from '../commit/database-errors.js';
import { databaseFailure } from '../commit/database-failure.js';
import { findAppended } from '../commit/in-journal.js';
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
import { internalWrite } from '../guard/internal-write.js';
import { ownQueries, tablesOf } from '../tables/placed-tables.js';
import type { TableNames } from '../tables/table-names.js';
import { type Link, type Send, executeBatch } from './execute-batch.js';
import { forgetKeyHint, isMissingKey, keyHint } from './key-hint.js';
import { type ServerAbilities, serverAbilities } from './server-abilities.js';
import { mysqlConnections } from './connections.js';
import { type LaterStatement, type Statement, statement } from './statement.js';
import {
  armedStatement,
  deadlineStatements,
  entryStatements,
  lockStatement,
  planStatements,
} from './write-statements.js';

/** Rows that a transaction writes, and the result its caller gets after the commit. */
interface Decision<T> {
  readonly result: T;
  readonly statements: readonly (Statement | LaterStatement)[];
  /** An event that the journal has exactly if the transaction was committed; none where it writes none. */
  readonly event: string | undefined;
}

/**
 * Writes transitions and events to MySQL and MariaDB over TypeORM's own pool. A batch is one
 * transaction under READ COMMITTED: rows are locked and read in one flight, planned in the process,
 * and written and committed in another; many events go ahead of it by prepared statements.
 */
export class MysqlWriter implements PlannedWriter {
  /** A plain SELECT under REPEATABLE READ sees rows older than the locked ones. */
  readonly entityLock = 'pessimistic_write';
  readonly #dataSource: DataSource;
  readonly #nextId: () => string;
  readonly #space: string;
  #known: ServerAbilities | undefined;

  /**
   * @param known What the server can do; asked of it when absent.
   * @param space What stands before the names of the application's buses and resources.
   */
  constructor(
    dataSource: DataSource,
    nextId: () => string = nextEventId,
    known?: ServerAbilities,
    space = '',
  ) {
    this.#dataSource = dataSource;
    this.#space = space;
    this.#nextId = nextId;
    this.#known = known;
  }

  async transition(
    binding: ResourceBinding,
    batch: readonly TransitionRequest[],
  ): Promise<readonly TransitionOutcome[]> {
    if (batch.some((request) => needsPlanning(binding, request))) {
      return transitionPlanned(this.#dataSource, this, binding, batch, this.#nextId);
    }
    if (batch.length === 0) {
      return [];
    }
    const uuids = uuidsOf(batch);
    const { skipLocked } = await withTypedErrors(() => this.#abilities());
    // A row that somebody else holds must not hold up the others of its batch.
    const skips = skipLocked && uuids.length > 1;
    return this.#byKey(binding, this.#dataSource, (key) =>
      this.#transaction([lockStatement(binding, uuids, key, skips)], (found) => {
        const rows = rowsByUuid(binding, found);
        failpoint('guard');
        const plans = planInTurn(rows, batch, skips, (row, request) =>
          planTransition(binding, row, request, { nextId: this.#nextId }),
        );
        const lawful = plans.filter((plan): plan is PlannedTransition => !(plan instanceof Error));
        return {
          result: plans.map((plan) => (plan instanceof Error ? plan : plan.outcome)),
          statements:
            lawful.length === 0 ? [] : planStatements(binding, lawful, key, true, this.#space),
          event: lawful[0]?.entries[0]?.id,
        };
      }),
    );
  }

  async transitionWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    request: TransitionRequest,
  ): Promise<TransitionOutcome> {
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
    if (entries.length > 0) {
      await this.#transaction([], () => ({
        result: undefined,
        statements: entryStatements(entries, true, this.#space),
        event: entries[0]?.id,
      }));
    }
  }

  async appendWithin(manager: EntityManager, entries: readonly JournalEntry[]): Promise<void> {
    failpoint('journal');
    await this.#writeWithin(manager, entryStatements(entries, false, this.#space));
  }

  async scheduleWithin(manager: EntityManager, change: DeadlineChange): Promise<void> {
    await this.#writeWithin(manager, deadlineStatements([change], this.#space));
  }

  async lockWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    uuids: readonly string[],
    skipLocked = false,
  ): Promise<ReadonlyMap<string, LockedRow>> {
    const runner = openTransaction(manager);
    const skips = skipLocked && (await this.#abilities(runner)).skipLocked;
    return this.#byKey(binding, runner, async (key) => {
      const { sql, values } = lockStatement(binding, uuids, key, skips);
      const found = (await runner.query(sql, [...values])) as Record<string, unknown>[];
      return rowsByUuid(binding, found);
    });
  }

  async armedWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    deadlines: readonly { readonly uuid: string; readonly id: string }[],
  ): Promise<ReadonlyMap<string, number>> {
    const { sql, values } = armedStatement(this.#space + binding.resource, deadlines);
    const found = await ownQueries(openTransaction(manager)).query<
      { uuid: string; revision: string | number }[]
    >(sql, [...values]);
    return new Map(found.map(({ uuid, revision }) => [uuid, Number(revision)]));
  }

  async applyWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    plans: readonly PlannedTransition[],
  ): Promise<void> {
    failpoint('compare-and-set');
    await this.#byKey(binding, openTransaction(manager), (key) =>
      this.#writeWithin(manager, planStatements(binding, plans, key, false, this.#space)),
    );
  }

  /** Once more when the index that the hint names is gone: a server refuses the statement, and goes on. */
  async #byKey<T>(
    binding: ResourceBinding,
    connection: { query(sql: string, parameters?: unknown[]): Promise<unknown> },
    work: (key: string) => Promise<T>,
  ): Promise<T> {
    const hint = (): Promise<string> => withTypedErrors(() => keyHint(binding, connection));
    try {
      return await work(await hint());
    } catch (error) {
      if (!isMissingKey(error)) throw error;
      forgetKeyHint(binding);
      return work(await hint());
    }
  }

  /** All or nothing: where the caller catches the error and goes on, no half of it is committed. */
  async #writeWithin(
    manager: EntityManager,
    statements: readonly (Statement | LaterStatement)[],
  ): Promise<void> {
    const runner = openTransaction(manager);
    if (statements.length === 0) {
      return;
    }
    const queries = ownQueries(runner);
    const send: Send = (sql, values) => queries.query(sql, [...values]);
    const { compound } = await this.#abilities(runner);
    try {
      await internalWrite(runner, () =>
        executeBatch({ send }, compound, [
          statement('SAVEPOINT signalbox'),
          ...statements,
          statement('RELEASE SAVEPOINT signalbox'),
        ]),
      );
    } catch (error) {
      // A deadlock has rolled back everything, the savepoint included.
      await send('ROLLBACK TO SAVEPOINT signalbox', []).catch(() => undefined);
      throw error;
    }
  }

  /**
   * One transaction on a connection of its own. `decide` sees the rows of `first` and says what to
   * write, and which event tells that it was committed.
   */
  async #transaction<T>(
    first: readonly Statement[],
    decide: (rows: readonly Record<string, unknown>[]) => Decision<T>,
  ): Promise<T> {
    let appended = false;
    return commit<T>(
      this.#dataSource,
      async (handOver) => {
        const { result, event } = await this.#attempt(first, decide, handOver);
        appended = event !== undefined;
        return result;
      },
      { appends: () => appended },
    );
  }

  async #attempt<T>(
    first: readonly Statement[],
    decide: (rows: readonly Record<string, unknown>[]) => Decision<T>,
    handOver: (pending: Pending<T>) => void,
  ): Promise<Decision<T>> {
    const { compound } = await this.#abilities();
    const connection = await this.#connect();
    const link = linkOver(connection, tablesOf(this.#dataSource));
    try {
      const session = await mysqlConnections.sessionOf(connection);
      const rows = await executeBatch(link, compound, [
        statement('SET TRANSACTION ISOLATION LEVEL READ COMMITTED'),
        statement('START TRANSACTION'),
        ...first,
      ]);
      const decision = decide(rows);
      const { result, event } = decision;
      failpoint('compare-and-set');
      if (event !== undefined) {
        handOver({
          session,
          find: async (manager) =>
            (await findAppended(manager, [{ id: event }])) === undefined ? undefined : { result },
        });
      }
      await executeBatch(link, compound, [...decision.statements, statement('COMMIT')]);
      connection.release();
      return decision;
    } catch (error) {
      if (databaseFailure(error) === 'connection') {
        connection.destroy();
        throw error;
      }
      await link.send('ROLLBACK', []).then(
        () => connection.release(),
        // The server rolls back when the connection is gone; the pool must not hand it out again.
        () => connection.destroy(),
      );
      throw isInTransaction(error) ? new StrayTransaction() : error;
    }
  }

  async #connect(): Promise<PoolConnection> {
    const driver = this.#dataSource.driver as unknown as {
      obtainMasterConnection(): Promise<PoolConnection>;
    };
    mysqlConnections.guard(this.#dataSource);
    for (;;) {
      const connection = await driver.obtainMasterConnection();
      await mysqlConnections.quiet(connection);
      // Only those that were left in a transaction are not: each is thrown away, and there are so many.
      if (mysqlConnections.isIdle(connection)) return connection;
      connection.destroy();
    }
  }

  /**
   * Asked once, over the connection that is at hand: inside a transaction another one from the pool
   * might never come, when every connection is inside a transaction that asks.
   */
  async #abilities(
    connection: { query(sql: string): Promise<unknown> } = this.#dataSource,
  ): Promise<ServerAbilities> {
    if (this.#known === undefined) {
      const [{ version }] = (await connection.query('SELECT VERSION() AS version')) as [
        { version: string },
      ];
      this.#known = serverAbilities(version);
    }
    return this.#known;
  }
}

/** The server takes no isolation level inside a transaction: here, one that somebody else left open. */
function isInTransaction(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ER_CANT_CHANGE_TX_CHARACTERISTICS';
}

function rowsByUuid(
  binding: ResourceBinding,
  found: readonly Record<string, unknown>[],
): ReadonlyMap<string, LockedRow> {
  return new Map(found.map((raw) => lockedRow(binding, raw)).map((row) => [row.uuid, row]));
}

/** Error codes of servers and proxies that prepare no statement, or no further one. */
const unprepared: ReadonlySet<unknown> = new Set([
  'ER_UNKNOWN_COM_ERROR',
  'ER_NOT_SUPPORTED_YET',
  'ER_UNSUPPORTED_PS',
  'ER_MAX_PREPARED_STMT_COUNT_REACHED',
]);

function linkOver(connection: Connection, names: TableNames): Link {
  const send: Send = (sql, values) =>
    new Promise((resolve, reject) => {
      connection.query(names.resolve(sql), values as unknown[], (error, result) => {
        if (error === null) {
          resolve(result);
        } else {
          reject(error);
        }
      });
    });
  const execute: Send = (sql, values) =>
    new Promise((resolve, reject) => {
      connection.execute(
        names.resolve(sql),
        values as (string | number | null)[],
        (error, result) => {
          if (error === null) {
            resolve(result);
          } else if (unprepared.has(error.code)) {
            resolve(send(sql, values));
          } else {
            reject(error);
          }
        },
      );
    });
  return { send, execute };
}
