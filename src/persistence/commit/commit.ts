import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource, EntityManager } from 'typeorm';
import { ConflictError, OutcomeUnknownError, UnavailableError } from '../../core/errors/errors.js';
import { databaseError } from './database-errors.js';
import { databaseFailure } from './database-failure.js';
import type { Session } from './session.js';
import { connectionsOf, idleRunner } from './connections.js';
import { wakeAll } from './wakes.js';

/** How what is committed is told, and how often it is tried. */
interface CommitOptions<T> {
  /** Whether a result means that events were appended, of which the relay must be told. Default never. */
  readonly appends?: (result: T) => boolean;
  /** Tries of a transaction that the database gives up for another one, the first included. Default 5. */
  readonly tries?: number;
}

/** Milliseconds to wait for the server to come back and tell, before the outcome is called unknown. */
const patience = 5_000;
const betweenTries = 100;

/** A transaction that the server was asked to commit, and whose answer is not there yet. */
export interface Pending<T> {
  /** The session that was asked. */
  readonly session: Session;
  /**
   * Looks for what the transaction was to write: its result if that is there, else undefined. Absent
   * where it writes nothing by which it would be known.
   *
   * @param cause What the connection failed with.
   */
  readonly find?: (
    manager: EntityManager,
    cause: unknown,
  ) => Promise<{ readonly result: T } | undefined>;
  /** Told when the outcome is known, or is given up. */
  readonly ended?: (committed: boolean) => Promise<void>;
}

/**
 * One try to do something and to commit it. Calls `handOver` just before the server is asked to commit:
 * a connection that breaks before has certainly committed nothing.
 */
export type Attempt<T> = (handOver: (pending: Pending<T>) => void) => Promise<T>;

/** A connection of the pool that somebody had left inside a transaction: what ran on it is not committed. */
export class StrayTransaction extends Error {
  constructor() {
    super('The connection was inside a transaction that somebody else left open.');
    this.name = 'StrayTransaction';
  }
}

/** Carries what is no error of the database, and passes unchanged: what a user's code threw. */
export class ForeignError extends Error {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super('Code that ran in the transaction threw.', { cause: thrown });
    this.name = 'ForeignError';
    this.thrown = thrown;
  }
}

/**
 * Commits, by `attempt`, what a call commits by itself: every such call comes through here. Tries again
 * when the database gives the transaction up for another one. When the connection breaks while the
 * server commits, asks the server that would know. Wakes the relay.
 *
 * Rejects with typed errors that are true: DATABASE_UNAVAILABLE only when nothing was committed for
 * certain, OUTCOME_UNKNOWN when nobody could tell. What a user's code threw passes as it is.
 */
export async function commit<T>(
  dataSource: DataSource,
  attempt: Attempt<T>,
  { appends = () => false, tries = 5 }: CommitOptions<T> = {},
): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    let pending: Pending<T> | undefined;
    try {
      const result = await attempt((handedOver) => {
        pending = handedOver;
      });
      if (appends(result)) wakeAll(dataSource);
      return result;
    } catch (error) {
      if (pending !== undefined && databaseFailure(error) === 'connection') {
        return await settled(dataSource, pending, error);
      }
      if (attempts < tries && mayRepeat(error)) continue;
      throw toldError(error);
    }
  }
}

/** Whether an error is no fault of the transaction itself, which may be tried again. Pure. */
function mayRepeat(error: unknown): boolean {
  if (error instanceof ConflictError) return error.code === 'LOCK_CONFLICT';
  return error instanceof StrayTransaction || databaseFailure(error) === 'contention';
}

function toldError(error: unknown): unknown {
  if (error instanceof ForeignError) return error.thrown;
  if (error instanceof StrayTransaction) {
    return new UnavailableError(
      'DATABASE_UNAVAILABLE',
      'The connections of the pool were inside transactions that somebody left open. Nothing was ' +
        'committed. Find the query runner that is released without commit or rollback.',
      { cause: error },
    );
  }
  return databaseError(error);
}

async function settled<T>(dataSource: DataSource, pending: Pending<T>, cause: unknown): Promise<T> {
  const { find, ended } = pending;
  if (find !== undefined) {
    const end = performance.now() + patience;
    do {
      let isClosed = false;
      const answer = await ask(dataSource, { ...pending, find }, cause).catch((error: unknown) => {
        // Still away: ask again, unless the DataSource was destroyed.
        isClosed = databaseFailure(error) === 'closed';
        return undefined;
      });
      if (isClosed) break;
      if (answer === 'absent') {
        await ended?.(false);
        throw databaseError(cause);
      }
      if (answer !== undefined) {
        await ended?.(true);
        wakeAll(dataSource);
        return answer.result;
      }
      await delay(betweenTries);
    } while (performance.now() < end);
  }
  await ended?.(false);
  throw new OutcomeUnknownError(
    'OUTCOME_UNKNOWN',
    'The connection to the database broke during the commit, and the server that was asked to commit ' +
      'did not tell in time whether it happened. Read the resource before retrying.',
    { cause },
  );
}

/** Undefined while nobody can tell. */
async function ask<T>(
  dataSource: DataSource,
  { session, find }: Pending<T> & Required<Pick<Pending<T>, 'find'>>,
  cause: unknown,
): Promise<{ readonly result: T } | 'absent' | undefined> {
  const connections = connectionsOf(dataSource);
  const runner = await idleRunner(dataSource);
  try {
    // First: what is not there after it had ended will never be.
    const knows = await connections.knows(runner, session);
    return (await find(runner.manager, cause)) ?? (knows ? 'absent' : undefined);
  } finally {
    // It was asked in a way of its own.
    connections.discard((await runner.connect()) as object);
    await runner.release();
  }
}
