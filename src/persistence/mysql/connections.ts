import type { Connection, Pool, PoolConnection } from 'mysql2';
import { databaseFailure } from '../commit/database-failure.js';
import type { Connections, Session } from '../commit/session.js';

/** Undeclared members of TypeORM's pools and of `mysql2`'s connections. */
interface Pools {
  readonly pool?: Pool;
  readonly poolCluster?: { readonly _nodes?: Readonly<Record<string, { readonly pool?: Pool }>> };
}
interface PoolParts {
  readonly _allConnections?: { readonly length: number; get(index: number): PoolConnection };
  readonly _freeConnections?: { readonly length: number };
  /** Callers that wait for a connection. */
  readonly _connectionQueue?: { readonly length: number };
  readonly config?: { readonly connectionLimit?: number };
  releaseConnection(connection: PoolConnection): void;
}
interface Command {
  onResult?: ((error: unknown, ...rest: unknown[]) => void) | undefined;
  on(event: string, listener: (value: unknown) => void): void;
}
interface ConnectionParts {
  readonly _pool?: unknown;
  readonly _command?: unknown;
  readonly _commands?: { readonly length: number };
  addCommand(command: Command): unknown;
}

const guarded = new WeakSet<Pool>();
const watched = new WeakSet<object>();
/** Connections whose server has said that they are of no more use. */
const useless = new WeakSet<object>();
const statuses = new WeakMap<object, number>();
const sessions = new WeakMap<object, Session>();

/** Flags of the server's status. */
const inTransaction = 1;
const autocommit = 2;

/** The connections of TypeORM's pools on MySQL and MariaDB. */
export const mysqlConnections: Connections = {
  guard({ driver }) {
    const { pool, poolCluster } = driver as unknown as Pools;
    for (const { pool: each } of [{ pool }, ...Object.values(poolCluster?._nodes ?? {})]) {
      if (each !== undefined) guardPool(each);
    }
  },

  use({ driver }) {
    const { pool, poolCluster } = driver as unknown as Pools;
    const [node] = Object.values(poolCluster?._nodes ?? {});
    const parts = (pool ?? node?.pool) as unknown as PoolParts | undefined;
    const { _allConnections: all, _freeConnections: free, _connectionQueue: queue } = parts ?? {};
    const max = parts?.config?.connectionLimit;
    if (all === undefined || max === undefined) return undefined;
    return { max, inUse: all.length - (free?.length ?? 0), waiting: queue?.length ?? 0 };
  },

  quiet(connection) {
    if (isQuiet(connection)) return undefined;
    return query(connection as Connection, 'DO 0').catch(() => undefined);
  },

  isIdle(connection) {
    const status = statuses.get(connection);
    // Without autocommit the first statement opens a transaction, and every connection is inside one.
    return status === undefined || (status & inTransaction) === 0 || (status & autocommit) === 0;
  },

  discard: (connection) => (connection as PoolConnection).destroy(),

  async sessionOf(connection) {
    const known = sessions.get(connection);
    if (known !== undefined) return known;
    const session = await askSession(connection as Connection);
    sessions.set(connection, session);
    return session;
  },

  async knows(runner, session) {
    const connection = (await runner.connect()) as Connection;
    const own = await askSession(connection);
    if (session.server === undefined || session.server !== own.server) return false;
    if (session.connection === undefined || own.connection === undefined) return false;
    // Everybody sees the connections of the own user. After a restart the numbers begin anew.
    const alive = await query(
      connection,
      'SELECT 1 FROM information_schema.PROCESSLIST WHERE ID = ? AND ID <> CONNECTION_ID()',
      [session.connection],
    );
    if (alive.length > 0) return false;
    // A node of a cluster that was away must have taken over what the others have first.
    const [cluster] = await query(connection, `SHOW VARIABLES LIKE 'wsrep_on'`);
    if (cluster?.['Value'] === 'ON') await query(connection, 'SET SESSION wsrep_sync_wait = 1');
    return true;
  },
};

function guardPool(pool: Pool): void {
  if (guarded.has(pool)) return;
  guarded.add(pool);
  const parts = pool as unknown as PoolParts;
  for (let index = 0; index < (parts._allConnections?.length ?? 0); index += 1) {
    const connection = parts._allConnections?.get(index);
    if (connection !== undefined) watch(connection);
  }
  pool.on('connection', watch);
  const release = parts.releaseConnection.bind(pool);
  parts.releaseConnection = (connection) => {
    const { _pool } = connection as unknown as ConnectionParts;
    // Behind what is under way the status may be another.
    const isIdle = !isQuiet(connection) || mysqlConnections.isIdle(connection);
    const isFit = isIdle && !useless.has(connection);
    // Without its pool it is being taken out of it.
    if (isFit || _pool == null) release(connection);
    else connection.destroy();
  };
}

function isQuiet(connection: object): boolean {
  const { _command, _commands } = connection as ConnectionParts;
  return _command == null && (_commands?.length ?? 0) === 0;
}

/** Hears what the server says of the connection, whoever uses it. */
function watch(connection: PoolConnection): void {
  if (watched.has(connection)) return;
  watched.add(connection);
  // The pool hears the first error only, and TypeORM none where the pool hears any.
  connection.on('error', () => {});
  const parts = connection as unknown as ConnectionParts;
  const add = parts.addCommand.bind(connection);
  parts.addCommand = (command) => {
    const heard = (error: unknown): void => {
      if (error != null && databaseFailure(error) === 'read-only') useless.add(connection);
    };
    const { onResult } = command;
    if (typeof onResult === 'function') {
      command.onResult = (error, ...rest) => {
        heard(error);
        onResult.call(command, error, ...rest);
      };
    } else {
      command.on('error', heard);
    }
    command.on('result', (result) => {
      // Streams emit their rows as this too.
      const header = result as { readonly serverStatus?: unknown; readonly constructor: Function };
      if (header.constructor.name === 'ResultSetHeader' && typeof header.serverStatus === 'number')
        statuses.set(connection, header.serverStatus);
    });
    return add(command);
  };
}

async function askSession(connection: Connection): Promise<Session> {
  const [row] = await query(
    connection,
    `SELECT CONNECTION_ID() AS id, CONCAT_WS(' ', @@server_id, @@hostname, @@port, @@datadir) AS server`,
  );
  // A proxy tells numbers of its own.
  const isNumbered = Number(row?.['id']) === connection.threadId;
  return {
    server: String(row?.['server']),
    connection: isNumbered ? String(connection.threadId) : undefined,
  };
}

function query(
  connection: Connection,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly Record<string, unknown>[]> {
  return new Promise((resolve, reject) => {
    connection.query(sql, [...values], (error, rows) => {
      if (error === null) resolve(Array.isArray(rows) ? (rows as Record<string, unknown>[]) : []);
      else reject(error);
    });
  });
}
