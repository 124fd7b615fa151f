import type pg from 'pg';
import {
  type DataSource,
  type EntityManager,
  QueryRunnerAlreadyReleasedError,
  TypeORMError,
} from 'typeorm';
import { commit, StrayTransaction } from '../commit/commit.js';
import { databaseError } from '../commit/database-errors.js';
import { databaseFailure } from '../commit/database-failure.js';
import { askDirect } from './direct-connections.js';
import { openTransaction } from '../commit/open-transaction.js';
import type { Session } from '../commit/session.js';
import { postgresConnections } from './connections.js';
import { type PreparedResult, type PreparedValue, runPrepared } from './prepared.js';
import { tablesOf } from '../tables/placed-tables.js';
import { type NamedStatement, placedStatement } from './prepared-statement.js';

/** The pool of connections that TypeORM keeps. Throws TypeORM's error where the DataSource was destroyed. */
function poolOf(dataSource: DataSource): pg.Pool {
  const { master } = dataSource.driver as unknown as { readonly master?: pg.Pool };
  if (master === undefined) throw new TypeORMError('Driver not Connected');
  return master;
}

/**
 * Runs one statement, and with it one transaction, on a connection of TypeORM's pool. Calls `sending`
 * just before it is sent. Rejects with the driver's error, and with StrayTransaction where the connection
 * was in a transaction that somebody else left open.
 */
export async function runNamed(
  dataSource: DataSource,
  statement: NamedStatement,
  values: readonly PreparedValue[],
  sending: (session: Session) => void,
): Promise<PreparedResult> {
  return onConnection(dataSource, async (client) => {
    sending(await postgresConnections.sessionOf(client));
    return runPrepared(client, placed(dataSource, statement), values);
  });
}

/**
 * Runs one statement in the manager's transaction. TypeORM's own `query` takes no name, so that
 * PostgreSQL would plan the statement anew each time. Rejects with typed errors.
 */
export async function runNamedWithin(
  manager: EntityManager,
  statement: NamedStatement,
  values: readonly PreparedValue[],
): Promise<PreparedResult> {
  try {
    const runner = openTransaction(manager);
    if (runner.isReleased) {
      // Its connection may serve others by now, or be gone.
      throw new QueryRunnerAlreadyReleasedError();
    }
    const client = (await runner.connect()) as pg.PoolClient;
    const named = placed(runner.dataSource, statement);
    runner.dataSource.logger.logQuery(named.text, [...values], runner);
    return await runPrepared(client, named, values);
  } catch (error) {
    throw databaseError(error);
  }
}

function placed(dataSource: DataSource, statement: NamedStatement): NamedStatement {
  return placedStatement(tablesOf(dataSource), statement);
}

/**
 * Runs several statements in one transaction and one round trip, and resolves with the rows of the last.
 * They cannot have parameters: `write` gets what quotes a text, and the connection they are for, and names
 * the tables where they are. For work that may be done twice: a connection that breaks is a plain failure.
 * Rejects with typed errors.
 */
export async function runTogether<TRow extends readonly unknown[]>(
  dataSource: DataSource,
  write: (quote: (text: string) => string, client: object) => readonly string[],
): Promise<readonly TRow[]> {
  return commit(dataSource, () =>
    onConnection(dataSource, async (client) => {
      await askDirect(client);
      const text = write((value) => client.escapeLiteral(value), client).join(';\n');
      const results = await client.query<unknown[]>({ text, rowMode: 'array' });
      // The driver's types know of one statement only.
      const last = ([results].flat() as (typeof results)[]).at(-1);
      return last?.rows as unknown as readonly TRow[];
    }),
  );
}

async function onConnection<T>(
  dataSource: DataSource,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await idleClient(dataSource);
  let useless = false;
  try {
    const result = await work(client);
    // Whoever left the transaction open may have been at work when the connection was taken.
    if (!postgresConnections.isIdle(client)) throw new StrayTransaction();
    return result;
  } catch (error) {
    const failure = databaseFailure(error);
    useless =
      failure === 'connection' || failure === 'read-only' || error instanceof StrayTransaction;
    throw error;
  } finally {
    client.release(useless);
  }
}

async function idleClient(dataSource: DataSource): Promise<pg.PoolClient> {
  postgresConnections.guard(dataSource);
  for (;;) {
    const client = await poolOf(dataSource).connect();
    await postgresConnections.quiet(client);
    // Only those that were left in a transaction are not: each is thrown away, and there are so many.
    if (postgresConnections.isIdle(client)) return client;
    client.release(true);
  }
}
