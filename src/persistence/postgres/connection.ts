import type pg from 'pg';
import { type DataSource, type EntityManager, QueryRunnerAlreadyReleasedError } from 'typeorm';
import { databaseError } from '../commit/database-errors.js';
import { databaseFailure } from '../commit/database-failure.js';
import { openTransaction } from '../commit/open-transaction.js';
import { type PreparedResult, type PreparedValue, runPrepared } from './prepared.js';
import type { NamedStatement } from './prepared-statement.js';

/** The connection broke after the statement was sent: it may or may not have committed. */
export class ConnectionLost extends Error {
  /** The server process that ran the statement; null when unknown. */
  readonly serverProcess: number | null;

  constructor(serverProcess: number | null, cause: unknown) {
    super('The connection broke while a statement was under way.', { cause });
    this.name = 'ConnectionLost';
    this.serverProcess = serverProcess;
  }
}

/** The pool of connections that TypeORM keeps. */
function poolOf(dataSource: DataSource): pg.Pool {
  return (dataSource.driver as unknown as { readonly master: pg.Pool }).master;
}

/**
 * Runs one statement, and with it one transaction, on a connection of TypeORM's pool. Rejects with
 * `ConnectionLost` when its outcome is unknown, and with a typed error when nothing was committed.
 */
export async function runNamed(
  dataSource: DataSource,
  statement: NamedStatement,
  values: readonly PreparedValue[],
): Promise<PreparedResult> {
  return onConnection(dataSource, (client) => runPrepared(client, statement, values));
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
    runner.dataSource.logger.logQuery(statement.text, [...values], runner);
    return await runPrepared(client, statement, values);
  } catch (error) {
    throw databaseError(error);
  }
}

/**
 * Runs several statements in one transaction and one round trip, and resolves with the rows of the last.
 * They cannot have parameters: `write` gets what quotes a text, and the connection they are for. Rejects
 * as `runNamed` does.
 */
export async function runTogether<TRow extends readonly unknown[]>(
  dataSource: DataSource,
  write: (quote: (text: string) => string, client: object) => readonly string[],
): Promise<readonly TRow[]> {
  return onConnection(dataSource, async (client) => {
    const text = write((value) => client.escapeLiteral(value), client).join(';\n');
    const results = await client.query<unknown[]>({ text, rowMode: 'array' });
    // The driver's types know of one statement only.
    const last = ([results].flat() as (typeof results)[]).at(-1);
    return last?.rows as unknown as readonly TRow[];
  });
}

/**
 * Settles as `work`, and makes a plain failure of a lost connection: of work that may be done twice, its
 * outcome need not be known.
 */
export async function repeatable<T>(work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    throw error instanceof ConnectionLost ? databaseError(error.cause) : error;
  });
}

async function onConnection<T>(
  dataSource: DataSource,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  let client: pg.PoolClient;
  try {
    client = await poolOf(dataSource).connect();
  } catch (error) {
    throw databaseError(error);
  }
  let broken: Error | undefined;
  // A socket that ends between queries is announced here, and would end the process unheard.
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  try {
    return await work(client);
  } catch (error) {
    if (databaseFailure(error) === 'connection') {
      broken = error as Error;
      throw new ConnectionLost(serverProcessOf(client), error);
    }
    throw databaseError(error);
  } finally {
    client.removeListener('error', onError);
    client.release(broken);
  }
}

function serverProcessOf(client: pg.PoolClient): number | null {
  return (client as unknown as { readonly processID: number | null }).processID;
}
