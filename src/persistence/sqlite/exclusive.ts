import type BetterSqlite3 from 'better-sqlite3';
import type { DataSource } from 'typeorm';
import { databaseError } from '../commit/database-errors.js';
import { tablesOf } from '../tables/placed-tables.js';
import { placeStatements } from './statements.js';
import { refuseInsideTurn, transactionGate } from './transaction-gate.js';

/** The connection that TypeORM shares among all callers of a better-sqlite3 DataSource. */
export function connectionOf(dataSource: DataSource): BetterSqlite3.Database {
  const { databaseConnection } = dataSource.driver as unknown as {
    readonly databaseConnection: BetterSqlite3.Database;
  };
  placeStatements(databaseConnection, tablesOf(dataSource));
  return databaseConnection;
}

/**
 * Runs `work` in a transaction of its own on the shared connection: begun, done and committed in one
 * turn of the event loop, so that no other caller's statement can fall into it. Waits its turn at the
 * transaction gate. Throws what `work` throws, rolled back and the database's errors typed, and refuses
 * to run inside a transaction, which it would wait for.
 */
export async function exclusive<T>(
  dataSource: DataSource,
  work: (connection: BetterSqlite3.Database) => T,
): Promise<T> {
  refuseInsideTurn(dataSource);
  const connection = connectionOf(dataSource);
  const turn = async (): Promise<T> => {
    // Only a transaction that somebody began past the gate can still be open here.
    while (connection.inTransaction) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    try {
      return connection.transaction(() => work(connection)).immediate();
    } catch (error) {
      throw isSqliteError(error) ? databaseError(error) : error;
    }
  };
  const gate = transactionGate(dataSource);
  return gate === undefined ? turn() : gate.run(turn);
}

function isSqliteError(error: unknown): boolean {
  return (error as { name?: unknown } | null)?.name === 'SqliteError';
}
