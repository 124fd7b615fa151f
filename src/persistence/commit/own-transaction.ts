import { type DataSource, type EntityManager, QueryFailedError, type QueryRunner } from 'typeorm';
import { SignalboxError } from '../../core/errors/errors.js';
import { collectAppended } from '../guard/transaction-log.js';
import { transactionGate } from '../sqlite/transaction-gate.js';
import { commit, ForeignError, type Pending } from './commit.js';
import { connectionsOf, idleRunner } from './connections.js';
import { databaseError } from './database-errors.js';
import { databaseFailure, isReleased } from './database-failure.js';
import { inJournal } from './in-journal.js';
import { inScope } from './transaction-context.js';

/** How a transaction of TypeORM's that commits by itself is run. */
export interface OwnTransaction<T> {
  /** Default the DataSource's, else the server's. */
  readonly isolation?: 'READ COMMITTED';
  /**
   * Tells from the database whether the transaction was committed, for one that appends no event by
   * which it would be known.
   */
  readonly isThere?: (manager: EntityManager, result: T) => Promise<boolean>;
  /** The events that a result means; with none nothing was written. Default those that were noted. */
  readonly events?: (result: T) => readonly string[];
}

/**
 * Runs `work` in a transaction of its own and commits it; see `commit`. It is run again when the database
 * gives it up for another one, so it must be safe to repeat. Whether it was committed when the connection
 * breaks is told by the events that it appended. What `work` throws passes unchanged but for the errors
 * of the database.
 */
export async function ownTransaction<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
  options: OwnTransaction<T> = {},
): Promise<T> {
  const gate = transactionGate(dataSource);
  const { events } = options;
  return commit<T>(
    dataSource,
    (handOver) => {
      const attempt = (): Promise<T> => inScope(() => run(dataSource, work, options, handOver));
      return gate === undefined ? attempt() : gate.run(attempt);
    },
    // Of the events that were noted the subscriber tells.
    { appends: (result) => events !== undefined && events(result).length > 0 },
  );
}

async function run<T>(
  dataSource: DataSource,
  work: (manager: EntityManager) => Promise<T>,
  { isolation, isThere, events }: OwnTransaction<T>,
  handOver: (pending: Pending<T>) => void,
): Promise<T> {
  const runner = await idleRunner(dataSource);
  let handedOver = false;
  let isBegun = false;
  try {
    const session = await connectionsOf(dataSource).sessionOf((await runner.connect()) as object);
    isBegun = true;
    const noted = collectAppended(runner);
    await runner.startTransaction(isolation);
    const result = await work(runner.manager);
    const ids = events?.(result) ?? noted;
    if (events === undefined || ids.length > 0) {
      handOver({
        session,
        ended: (committed) => endLost(runner, committed),
        ...findBy(result, ids, isThere),
      });
      handedOver = true;
    }
    await runner.commitTransaction();
    return result;
  } catch (error) {
    // The driver's own, of a question of ours.
    if (!isBegun) throw error;
    const isCommitted = handedOver && !runner.isTransactionActive;
    const isLost = handedOver && isOfDatabase(error, runner) && isConnectionLost(error, runner);
    // What was committed and what nobody knows of is not to be taken back, neither here nor in memory.
    if (!isCommitted && !isLost) await runner.rollbackTransaction().catch(() => undefined);
    // A hook behind the commit is not to have it done again.
    if (isCommitted || !isOfDatabase(error, runner)) throw new ForeignError(error);
    throw isConnectionLost(error, runner) ? lostError(error) : error;
  } finally {
    await runner.release();
  }
}

function findBy<T>(
  result: T,
  ids: readonly string[],
  isThere: OwnTransaction<T>['isThere'],
): Pick<Pending<T>, 'find'> {
  if (isThere !== undefined) {
    return {
      find: async (manager) => ((await isThere(manager, result)) ? { result } : undefined),
    };
  }
  if (ids.length === 0) return {};
  return {
    find: async (manager) => ((await inJournal(manager, ids)).length > 0 ? { result } : undefined),
  };
}

/** Lets subscribers know how a transaction ended whose connection broke while it was committed. */
async function endLost(runner: QueryRunner, committed: boolean): Promise<void> {
  if (!committed) {
    await runner.rollbackTransaction().catch(() => undefined);
    return;
  }
  Object.assign(runner, { isTransactionActive: false });
  await runner.broadcaster.broadcast('AfterTransactionCommit').catch(() => undefined);
}

/** The error of work in a caller's transaction: typed where the database says it, else as it is. */
export function workError(error: unknown, runner: QueryRunner | undefined): unknown {
  if (runner === undefined || !isOfDatabase(error, runner)) return error;
  return databaseError(lostError(error));
}

/** Whether the database, the driver or this package threw it, and not a user's code. */
function isOfDatabase(error: unknown, runner: QueryRunner): boolean {
  return (
    error instanceof SignalboxError ||
    error instanceof QueryFailedError ||
    (error as { readonly name?: unknown } | null)?.name === 'SqliteError' ||
    isReleasedUnderneath(error, runner)
  );
}

function isConnectionLost(error: unknown, runner: QueryRunner): boolean {
  return databaseFailure(error) === 'connection' || isReleasedUnderneath(error, runner);
}

/** TypeORM releases a runner whose connection breaks, and tells the next statement no more than that. */
function isReleasedUnderneath(error: unknown, runner: QueryRunner): boolean {
  return runner.isReleased && isReleased(error);
}

function lostError(error: unknown): unknown {
  return isReleased(error)
    ? Object.assign(new Error('The connection broke.', { cause: error }), { code: 'ECONNRESET' })
    : error;
}
