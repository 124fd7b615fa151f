import type { DataSource, QueryRunner } from 'typeorm';
import { databaseKind } from '../database-kind.js';
import { mysqlConnections } from '../mysql/connections.js';
import { postgresConnections } from '../postgres/connections.js';
import type { DatabaseKind } from '../store.js';
import type { Connections } from './session.js';

/** A connection to a database in the process is the only one, and cannot break. */
const sqliteConnections: Connections = {
  guard() {},
  use: () => undefined,
  quiet: () => undefined,
  isIdle: () => true,
  discard() {},
  sessionOf: () => Promise.resolve({ server: undefined, connection: undefined }),
  knows: () => Promise.resolve(false),
};

const kinds: Readonly<Record<DatabaseKind, Connections>> = {
  postgres: postgresConnections,
  mysql: mysqlConnections,
  sqlite: sqliteConnections,
};

/** How the connections of a DataSource are kept fit for use. */
export function connectionsOf(dataSource: DataSource): Connections {
  return kinds[databaseKind(dataSource)];
}

const kept = new WeakSet<object>();

/** Guards the connections of a DataSource, also those of the pools that a later `initialize()` makes. */
export function keepGuarded(dataSource: DataSource): void {
  const connections = connectionsOf(dataSource);
  connections.guard(dataSource);
  const { driver } = dataSource;
  if (kept.has(driver)) return;
  kept.add(driver);
  const connect = driver.connect.bind(driver);
  driver.connect = async () => {
    await connect();
    connections.guard(dataSource);
  };
}

/** The most connections that are looked at before one of them must do. */
const mostStray = 1000;

/**
 * A query runner on a connection to the master that is in no transaction: one that somebody left in one
 * is thrown away, and with it what was left. Rejects with the driver's error.
 */
export async function idleRunner(dataSource: DataSource): Promise<QueryRunner> {
  const connections = connectionsOf(dataSource);
  connections.guard(dataSource);
  for (let looked = 1; ; looked += 1) {
    const runner = dataSource.createQueryRunner('master');
    const connection = (await runner.connect()) as object;
    await connections.quiet(connection);
    if (connections.isIdle(connection) || looked === mostStray) return runner;
    connections.discard(connection);
    await runner.release();
  }
}
