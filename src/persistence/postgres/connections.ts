import type pg from 'pg';
import { databaseFailure } from '../commit/database-failure.js';
import type { Connections, Session } from '../commit/session.js';

/** Undeclared members of TypeORM's pools and of `pg`'s clients. */
interface Pools {
  readonly master?: pg.Pool;
  readonly slaves?: readonly pg.Pool[];
}
interface PoolParts {
  readonly _clients?: readonly pg.PoolClient[];
  /** Callers that wait for a client. */
  readonly _pendingQueue?: { callback(error: Error, client: undefined, done: () => void): void }[];
  end: (callback?: () => void) => unknown;
}
interface ClientParts {
  /** Absent on pg-native. */
  readonly connection?: {
    on(event: 'errorMessage', listener: (error: unknown) => void): void;
  };
  /** False while a query is under way, behind which the status may be another. */
  readonly readyForQuery?: boolean;
  readonly processID?: number | null;
}

const guarded = new WeakSet<pg.Pool>();
const watched = new WeakSet<pg.PoolClient>();
/** Clients whose server has said that they are of no more use. */
const useless = new WeakSet<pg.PoolClient>();
const sessions = new WeakMap<object, Session>();

/** The connections of TypeORM's pools on PostgreSQL. */
export const postgresConnections: Connections = {
  guard({ driver }) {
    const { master, slaves = [] } = driver as unknown as Pools;
    for (const pool of master === undefined ? slaves : [master, ...slaves]) {
      if (guarded.has(pool)) continue;
      guarded.add(pool);
      (pool as unknown as PoolParts)._clients?.forEach(watch);
      refuseWaitingAtEnd(pool as unknown as PoolParts);
      pool.on('connect', (client) => watch(client as pg.PoolClient));
      pool.on('release', (_error: unknown, client: unknown) => {
        const released = client as pg.PoolClient;
        const { readyForQuery = true } = released as unknown as ClientParts;
        if (useless.has(released) || (readyForQuery && !isIdle(released))) end(released);
      });
    }
  },

  use({ driver }) {
    const { master } = driver as unknown as Pools;
    if (master === undefined) return undefined;
    const { totalCount, idleCount, waitingCount, options } = master;
    return { max: options.max, inUse: totalCount - idleCount, waiting: waitingCount };
  },

  quiet(connection) {
    const { readyForQuery = true } = connection as ClientParts;
    if (readyForQuery) return undefined;
    return (connection as pg.ClientBase).query('SELECT').catch(() => undefined);
  },

  isIdle: (connection) => isIdle(connection as pg.PoolClient),

  discard: (connection) => end(connection as pg.PoolClient),

  async sessionOf(connection) {
    const known = sessions.get(connection);
    if (known !== undefined) return known;
    const session = await askSession(connection as pg.ClientBase);
    // A standby may be promoted under its connections.
    if (session !== standby) sessions.set(connection, session);
    return session;
  },

  async knows(runner, session) {
    const client = (await runner.connect()) as pg.ClientBase;
    const own = await askSession(client);
    if (session.server === undefined || session.server !== own.server) return false;
    if (session.connection === undefined || own.connection === undefined) return false;
    const [process, began] = session.connection.split(' ');
    const { rows } = await client.query<{ readonly alive: boolean }>({
      text: `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1
        AND (backend_start IS NULL OR extract(epoch FROM backend_start)::text = $2)) AS alive`,
      values: [process, began],
    });
    return rows[0]?.alive === false;
  },
};

/**
 * `pg-pool` forgets those who wait for a client when it ends: they would never be answered, and a relay or a
 * sweeper among them would stand still for good, also when the DataSource is initialized again.
 */
function refuseWaitingAtEnd(pool: PoolParts): void {
  const end = pool.end.bind(pool);
  pool.end = (callback) => {
    const ended = end(callback);
    for (const waiting of pool._pendingQueue?.splice(0) ?? []) {
      // As it answers those who come afterwards.
      const error = new Error('Cannot use a pool after calling end on the pool');
      waiting.callback(error, undefined, () => undefined);
    }
    return ended;
  };
}

/** Not `guard`'s listener alone: between two owners of a client nobody else hears its errors. */
function watch(client: pg.PoolClient): void {
  if (watched.has(client)) return;
  watched.add(client);
  client.on('error', () => {});
  (client as unknown as ClientParts).connection?.on('errorMessage', (error) => {
    if (databaseFailure(error) === 'read-only') useless.add(client);
  });
}

function isIdle(client: pg.PoolClient): boolean {
  const status = client.getTransactionStatus?.();
  return status !== 'T' && status !== 'E';
}

function end(client: pg.PoolClient): void {
  // The server is not waited for: the pool has counted it out.
  client.end().catch(() => undefined);
}

/**
 * A server and its replicas share the system identifier; a replica that was promoted is on a timeline of
 * its own, and may lack the last commits. A replica that is none yet has no timeline to speak of.
 */
const askServer = `SELECT pg_backend_pid() AS process,
  (SELECT extract(epoch FROM backend_start)::text FROM pg_stat_activity
    WHERE pid = pg_backend_pid()) AS began,
  CASE WHEN NOT pg_is_in_recovery()
    THEN concat_ws(' ', (SELECT system_identifier FROM pg_control_system()),
      left(pg_walfile_name(pg_current_wal_lsn()), 8)) END AS server`;

/** A session on a standby: it cannot report what the primary commits. */
const standby: Session = { server: undefined, connection: undefined };

async function askSession(client: pg.ClientBase): Promise<Session> {
  try {
    const { rows } = await client.query<{
      readonly process: number;
      readonly began: string | null;
      readonly server: string | null;
    }>(askServer);
    const [{ process, began, server }] = rows as [(typeof rows)[0]];
    if (server === null) return standby;
    const isNumbered = (client as unknown as ClientParts).processID === process && began !== null;
    return {
      server,
      connection: isNumbered ? `${process} ${began}` : undefined,
    };
  } catch (error) {
    // A service that lets nobody ask: nothing will be certain.
    if (['privilege', 'statement', 'schema'].includes(databaseFailure(error)))
      return { server: undefined, connection: undefined };
    throw error;
  }
}
