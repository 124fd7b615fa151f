import { setTimeout as delay } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { OutcomeUnknownError } from '../../core/errors/errors.js';
import { databaseError } from '../commit/database-errors.js';
import type { LaterStatement, Statement } from './statement.js';

/** What a transaction writes, and what its caller is told once it is committed. */
export interface Decision<T> {
  readonly result: T;
  readonly statements: readonly (Statement | LaterStatement)[];
  /** An event that the journal has exactly if the transaction was committed; none where it writes none. */
  readonly event: string | undefined;
}

/** Milliseconds to wait for the server to come back and tell, before the outcome is called unknown. */
const patience = 5_000;
const betweenTries = 100;

/**
 * Finds out whether a transaction was committed whose connection broke: waits until the server has
 * ended the connection, then looks its event up in the journal. Rejects with UnavailableError
 * DATABASE_UNAVAILABLE when it was not committed, OUTCOME_UNKNOWN when the server does not tell.
 *
 * @param thread The connection's id on the server.
 */
export async function settled<T>(
  dataSource: DataSource,
  thread: number,
  { result, event }: Decision<T>,
  cause: unknown,
): Promise<T> {
  const end = performance.now() + patience;
  do {
    try {
      // Everybody sees the connections of the own user.
      const alive = await dataSource.query<unknown[]>(
        'SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = ?',
        [thread],
      );
      if (alive.length === 0) {
        const found = await dataSource.query<unknown[]>(
          'SELECT 1 FROM signalbox_journal WHERE id = ?',
          [event],
        );
        if (found.length > 0) {
          return result;
        }
        throw new NotCommitted();
      }
    } catch (error) {
      if (error instanceof NotCommitted) {
        throw databaseError(cause);
      }
      // Still away: ask again.
    }
    await delay(betweenTries);
  } while (performance.now() < end);
  throw new OutcomeUnknownError(
    'OUTCOME_UNKNOWN',
    'The connection to the database broke during the commit, and the server did not tell in time ' +
      'whether it happened. Read the resource before retrying.',
    { cause },
  );
}

class NotCommitted extends Error {}
