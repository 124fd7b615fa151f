import type BetterSqlite3 from 'better-sqlite3';
import type { TableNames } from '../tables/table-names.js';

const caches = new WeakMap<BetterSqlite3.Database, Map<string, BetterSqlite3.Statement>>();

const placements = new WeakMap<BetterSqlite3.Database, TableNames>();

/** Sets how the tables are named in the statements of a connection: always the same. */
export function placeStatements(connection: BetterSqlite3.Database, names: TableNames): void {
  placements.set(connection, names);
}

/** The prepared statement of a connection, prepared once. Its text must come from a bounded set. */
export function prepared(connection: BetterSqlite3.Database, sql: string): BetterSqlite3.Statement {
  let cache = caches.get(connection);
  if (cache === undefined) {
    cache = new Map();
    caches.set(connection, cache);
  }
  let statement = cache.get(sql);
  if (statement === undefined) {
    statement = connection.prepare(placements.get(connection)?.resolve(sql) ?? sql);
    cache.set(sql, statement);
  }
  return statement;
}
