import type { DataSource } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';
import { databaseError } from '../commit/database-errors.js';
import type { ResourceBinding } from '../resource/binding.js';

/**
 * How a Galera cluster is written to: by clients of one node at a time, or of several at once.
 *
 * `single-writer` rests on the locks of that node, and on certification for the moment of a failover.
 * `several-writers` rests on certification alone, and has each node wait before it reads until it has
 * applied what was committed on the others (`wsrep_sync_wait`), a round trip of the cluster each time.
 * See `docs/guarantees.md`.
 */
export type GaleraUse = 'single-writer' | 'several-writers';

/** A table that must take part in transactions. */
interface Table {
  /** Null for the database of the connection. */
  readonly database: string | null;
  readonly name: string;
}

/**
 * Resolves when every table is of an engine with transactions. Rejects with ConfigurationError
 * TABLE_NOT_TRANSACTIONAL naming the first that is not: it takes no row locks and rolls nothing back.
 */
export async function verifyEngines(
  dataSource: DataSource,
  tables: readonly Table[],
): Promise<void> {
  if (tables.length === 0) return;
  const found = await ask<{ readonly name: string; readonly engine: string }>(
    dataSource,
    `SELECT t.TABLE_NAME AS name, t.ENGINE AS engine
      FROM information_schema.TABLES t JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
      WHERE (e.TRANSACTIONS IS NULL OR e.TRANSACTIONS <> 'YES') AND (${tables
        .map(() => '(t.TABLE_SCHEMA = coalesce(?, DATABASE()) AND t.TABLE_NAME = ?)')
        .join(' OR ')})
      ORDER BY t.TABLE_NAME`,
    tables.flatMap(({ database, name }) => [database, name]),
  );
  const [table] = found;
  if (table === undefined) return;
  const { name, engine } = table;
  throw new ConfigurationError(
    'TABLE_NOT_TRANSACTIONAL',
    `The table '${name}' is of the engine ${engine}, which has no transactions: two callers would both ` +
      `move a resource, and what fails would stay written. Run ALTER TABLE \`${name}\` ENGINE = InnoDB.`,
    { parameters: { table: name, engine } },
  );
}

/** The table of a resource. */
export function tableOf({ metadata }: ResourceBinding): Table {
  return { database: metadata.database ?? null, name: metadata.tableName };
}

/** Connections that wait for the other nodes, by driver. */
const waiting = new WeakMap<object, WeakSet<object>>();

/**
 * Resolves when it is known how the server is written to, if it is a node of a Galera cluster. Rejects
 * with ConfigurationError GALERA_USE_MISSING where it is one and nobody says, and CONFIG_VALUE_INVALID
 * where it is said of a server that is none.
 */
export async function verifyGalera(
  dataSource: DataSource,
  use: GaleraUse | undefined,
): Promise<void> {
  const [on] = await ask<{ readonly Value: string }>(
    dataSource,
    `SHOW GLOBAL VARIABLES LIKE 'wsrep_on'`,
  );
  const isNode = on?.Value === 'ON';
  if (isNode && use === undefined) {
    throw new ConfigurationError(
      'GALERA_USE_MISSING',
      'The server is a node of a Galera cluster. Say how the cluster is written to: ' +
        "createSignalbox({ galera: 'single-writer' }) where all clients write to one node at a time, " +
        "'several-writers' else; docs/guarantees.md tells what each rests on.",
    );
  }
  if (!isNode && use !== undefined) {
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      "The option 'galera' is set, and the server is no node of a Galera cluster (wsrep_on is off). Remove it.",
      { parameters: { key: 'galera' } },
    );
  }
  if (use === 'several-writers') readCausally(dataSource);
}

/** Has each connection wait, before it reads or locks, for what was committed on the other nodes. */
function readCausally(dataSource: DataSource): void {
  onNewConnections(dataSource, waiting, async (connection) => {
    await run(connection, 'SET SESSION wsrep_sync_wait = 7');
  });
}

const keepingEmpty = new WeakMap<object, WeakSet<object>>();

/**
 * Resolves when a connection keeps empty text, and refuses later connections that do not. Rejects with
 * ConfigurationError CONFIG_VALUE_INVALID under MariaDB's `sql_mode` EMPTY_STRING_IS_NULL: the server
 * stores NULL for each empty text, and no spelling of a value prevents it.
 */
export async function verifyEmptyText(dataSource: DataSource): Promise<void> {
  onNewConnections(dataSource, keepingEmpty, async (connection) => {
    const [row] = await run<{ readonly isNull: unknown }>(
      connection,
      `SELECT '' IS NULL AS isNull`,
    );
    if (Number(row?.isNull) === 1) throw emptyIsNull();
  });
  // A connection of before may be in use.
  const [row] = await ask<{ readonly isNull: unknown }>(dataSource, `SELECT '' IS NULL AS isNull`);
  if (Number(row?.isNull) === 1) throw emptyIsNull();
}

function emptyIsNull(): ConfigurationError {
  return new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    "The sql_mode of the server has EMPTY_STRING_IS_NULL: it stores NULL for each empty text, so events and rows would differ from what was written. Remove it from the server's sql_mode, or from the user's init_connect.",
    { parameters: { key: 'sql_mode', value: 'EMPTY_STRING_IS_NULL' } },
  );
}

/** Runs `work` once on each connection of the DataSource, when it is first lent; one that fails is closed. */
function onNewConnections(
  dataSource: DataSource,
  known: WeakMap<object, WeakSet<object>>,
  work: (connection: Queryable) => Promise<void>,
): void {
  const driver = dataSource.driver as unknown as Record<
    'obtainMasterConnection' | 'obtainSlaveConnection',
    () => Promise<Queryable>
  >;
  if (known.has(driver)) return;
  const done = new WeakSet<object>();
  known.set(driver, done);
  for (const method of ['obtainMasterConnection', 'obtainSlaveConnection'] as const) {
    const obtain = driver[method].bind(driver);
    driver[method] = async () => {
      const connection = await obtain();
      if (!done.has(connection)) {
        try {
          await work(connection);
        } catch (error) {
          connection.destroy();
          throw error;
        }
        done.add(connection);
      }
      return connection;
    };
  }
}

interface Queryable {
  query(sql: string, callback: (error: Error | null, rows: unknown) => void): void;
  destroy(): void;
}

function run<TRow>(connection: Queryable, sql: string): Promise<readonly TRow[]> {
  return new Promise((resolve, reject) => {
    connection.query(sql, (error, rows) => {
      if (error === null) resolve(rows as readonly TRow[]);
      else reject(error);
    });
  });
}

async function ask<TRow>(
  dataSource: DataSource,
  sql: string,
  values: unknown[] = [],
): Promise<readonly TRow[]> {
  try {
    return await dataSource.query<TRow[]>(sql, values);
  } catch (error) {
    throw databaseError(error);
  }
}
