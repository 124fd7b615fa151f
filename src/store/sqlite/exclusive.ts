import type BetterSqlite3 from 'better-sqlite3';
import type { DataSource } from 'typeorm';

/** The connection that TypeORM shares among all callers of a better-sqlite3 DataSource. */
export function connectionOf(dataSource: DataSource): BetterSqlite3.Database {
  return (dataSource.driver as unknown as { databaseConnection: BetterSqlite3.Database })
    .databaseConnection;
}

/**
 * Runs `work` in a transaction of its own on the shared connection: begun, done and committed in one
 * turn of the event loop, so that no other caller's statement can fall into it. Waits while another
 * caller's transaction is open. Throws what `work` throws, rolled back.
 */
export async function exclusive<T>(
  dataSource: DataSource,
  work: (connection: BetterSqlite3.Database) => T,
): Promise<T> {
  const connection = connectionOf(dataSource);
  while (connection.inTransaction) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return connection.transaction(() => work(connection)).immediate();
}
