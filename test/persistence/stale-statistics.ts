import type BetterSqlite3 from 'better-sqlite3';
import type { DataSource } from 'typeorm';
import type { TestDatabase } from '../support/databases.js';
import type { GuardedDatabase } from './guarded-database.js';

/** Rows of each table once it is full. */
export const fullTable = 8192;

/** How many of them come of each share of the outbox. */
const shares = 64;

/** The uuid of the row with this number. */
export const uuidOf = (row: number): string =>
  `00000000-0000-4000-8000-${String(row).padStart(12, '0')}`;

const ours = ['journal', 'outbox', 'parked', 'deadline', 'inbox', 'seen', 'job'].map(
  (name) => `signalbox_${name}`,
);

export const tables = ['tank', 'legacy_server', ...ours] as const;

interface Dialect {
  /** SQL of the uuid of row `i`. */
  readonly uuid: string;
  /** SQL of a point in time, as the journal and as the other tables have them. */
  readonly journalTime: (secondsAgo: string) => string;
  readonly time: (secondsAgo: string) => string;
  readonly remainder: (dividend: string, divisor: number) => string;
  readonly text: (prefix: string) => string;
}

const dialects: Readonly<Record<TestDatabase, Dialect>> = {
  postgres: {
    uuid: `('00000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid`,
    journalTime: (ago) => `now() - (${ago}) * interval '1 second'`,
    time: (ago) => `now() - (${ago}) * interval '1 second'`,
    remainder: (dividend, divisor) => `(${dividend}) % ${divisor}`,
    text: (prefix) => `'${prefix}' || i`,
  },
  mariadb: {
    uuid: `concat('00000000-0000-4000-8000-', lpad(i, 12, '0'))`,
    journalTime: (ago) =>
      `date_format(utc_timestamp() - interval (${ago}) second, '%Y-%m-%dT%H:%i:%s.000Z')`,
    time: (ago) => `utc_timestamp(3) - interval (${ago}) second`,
    remainder: (dividend, divisor) => `(${dividend}) % ${divisor}`,
    text: (prefix) => `concat('${prefix}', i)`,
  },
  sqlite: {
    uuid: `printf('00000000-0000-4000-8000-%012d', i)`,
    journalTime: (ago) =>
      `strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || CAST(${ago} AS integer) || ' seconds')`,
    time: (ago) => `CAST(strftime('%s', 'now') AS integer) * 1000 - (${ago}) * 1000`,
    remainder: (dividend, divisor) => `(${dividend}) % ${divisor}`,
    text: (prefix) => `'${prefix}' || i`,
  },
};

/**
 * Fills every table. Tanks and servers of odd numbers are `Starting` and have a deadline, of which the
 * first hundred are due; the others are `Idle`. Each has one event, which waits for two buses and is parked for
 * another, but for those of the first hundred.
 */
export async function fillTables({ kind, dataSource }: GuardedDatabase): Promise<void> {
  const { uuid, journalTime, time, remainder, text } = dialects[kind];
  const numbers = `(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${fullTable})
    SELECT i FROM n) numbered`;
  const state = `CASE WHEN ${remainder('i', 2)} = 1 THEN 'Starting' ELSE 'Idle' END`;
  const age = `${fullTable} - i`;
  const insert = (table: string, columns: string, values: string, where = '1 = 1') =>
    dataSource.query(
      `INSERT INTO ${table} (${columns}) SELECT ${values} FROM ${numbers} WHERE ${where}`,
    );
  for (const table of tables) await dataSource.query(`DELETE FROM ${table}`);
  if (kind === 'mariadb') {
    await dataSource.query(`SET SESSION max_recursive_iterations = ${fullTable + 1}`);
  }
  await insert(
    'tank',
    'uuid, state, revision, state_since, lifecycle_version, level, label, account',
    `${uuid}, ${state}, 1, '2026-01-01T00:00:00.000Z', 3, 0, '', 'acme'`,
  );
  const uuidText = kind === 'postgres' ? `${uuid}::text` : uuid;
  await insert(
    'legacy_server',
    'external_id, srv_status, srv_version, status_changed_at, hostname, tenant',
    `${uuidText}, ${state}, 1, '2026-01-01 00:00:00', '', 'acme'`,
  );
  await insert(
    'signalbox_journal',
    'position, id, source, category, type, resource, uuid, revision, time, payload',
    `i, ${uuid}, 'management-server', 'ResourceStateEvent', 'StartRequested', 'Tank', ${uuid}, 1,
      ${journalTime(age)}, '{}'`,
  );
  if (kind === 'postgres') {
    await dataSource.query(
      `SELECT setval('signalbox_journal_position_seq', (SELECT max(position) FROM signalbox_journal))`,
    );
  }
  for (const bus of ['', 'main']) {
    await insert(
      'signalbox_outbox',
      'position, bus, share',
      `i, '${bus}', ${remainder('i', shares)}`,
      'i > 100',
    );
  }
  await insert(
    'signalbox_parked',
    'position, bus, share, resource_key, status, reason, parked_at',
    `i, 'other', ${remainder('i', shares)}, ${uuidText}, 'parked', 'refused', ${time(age)}`,
    'i > 100',
  );
  for (const resource of ['Tank', 'Server']) {
    await insert(
      'signalbox_deadline',
      'resource, uuid, deadline, revision, due_at',
      `'${resource}', ${uuid}, 'Starting/1000', 1,
        CASE WHEN i < 100 THEN ${time('3600 - i')} ELSE ${time('0 - 3600 - i')} END`,
      `${remainder('i', 2)} = 1`,
    );
  }
  await insert(
    'signalbox_inbox',
    'consumer, id, handled_at',
    `'pool', ${text('id-')}, ${time(age)}`,
  );
  await insert(
    'signalbox_seen',
    'consumer, uuid, resource, revision',
    `'pool', ${uuidText}, 'Tank', 1`,
  );
  await insert(
    'signalbox_job',
    'id, command, status, progress, submitted_at, updated_at, submission',
    `${uuid}, 'resize', 'IN_PROGRESS', 0, ${journalTime(age)}, ${journalTime(age)}, ${uuid}`,
  );
}

/** Empties every table and has the database look at it. */
export async function analyseEmpty({ kind, dataSource }: GuardedDatabase): Promise<void> {
  for (const table of tables) {
    await dataSource.query(kind === 'sqlite' ? `DELETE FROM ${table}` : `TRUNCATE TABLE ${table}`);
  }
  await analyse(kind, dataSource);
}

async function analyse(kind: TestDatabase, dataSource: DataSource): Promise<void> {
  if (kind === 'mariadb') {
    for (const table of tables) {
      await dataSource.query(`ANALYZE TABLE ${table} PERSISTENT FOR ALL`);
    }
  } else {
    await dataSource.query('ANALYZE');
  }
}

/**
 * Has the planner believe that the full tables hold next to nothing, or a billion rows, whatever is in
 * them. On PostgreSQL its belief is a density of rows: the size it sees itself.
 */
export async function pretend(
  { kind, dataSource }: GuardedDatabase,
  belief: 'empty' | 'huge',
): Promise<void> {
  switch (kind) {
    case 'postgres': {
      if (belief === 'huge') await analyse(kind, dataSource);
      const names = tables.map((table) => `'${table}'`).join(', ');
      const indexes = `SELECT indexrelid FROM pg_index WHERE indrelid IN
        (SELECT oid FROM pg_class WHERE relname IN (${names}))`;
      await dataSource.query(
        `UPDATE pg_class SET reltuples = ${belief === 'huge' ? '1e9' : '0'},
            relpages = ${belief === 'huge' ? '100' : '1000000'}
          WHERE relname IN (${names}) OR oid IN (${indexes})`,
      );
      if (belief === 'empty')
        await dataSource.query('DELETE FROM pg_statistic WHERE starelid >= 16384');
      break;
    }
    case 'mariadb': {
      const rows = belief === 'huge' ? 1_000_000_000 : 0;
      if (belief === 'huge') await analyse(kind, dataSource);
      const here = 'database_name = database()';
      await dataSource.query(
        `UPDATE mysql.innodb_table_stats SET n_rows = ${rows}, clustered_index_size = ${rows / 100 + 1},
          sum_of_other_index_sizes = ${rows / 100 + 1} WHERE ${here}`,
      );
      await dataSource.query(
        `UPDATE mysql.innodb_index_stats SET stat_value = ${rows} WHERE ${here} AND stat_name LIKE 'n_diff%'`,
      );
      await dataSource.query(
        `UPDATE mysql.table_stats SET cardinality = ${rows} WHERE db_name = database()`,
      );
      for (const table of tables) await dataSource.query(`FLUSH TABLE ${table}`);
      break;
    }
    case 'sqlite': {
      await dataSource.query('ANALYZE');
      const stat =
        belief === 'huge'
          ? // As if every column had one value for all rows.
            `UPDATE sqlite_stat1 SET stat = '1000000000 1000000000 1000000000 1000000000'`
          : `UPDATE sqlite_stat1 SET stat = '1 1 1 1'`;
      await dataSource.query(stat);
      await dataSource.query('ANALYZE sqlite_schema');
    }
  }
}

/** What a database reads, counted. */
export interface Meter {
  /** Entries or blocks read since the last call, by where they were read. */
  read(): Promise<Readonly<Record<string, number>>>;
}

const meters: Readonly<Record<TestDatabase, (dataSource: DataSource) => Meter['read']>> = {
  /** Blocks, which tell of entries too that a scan passed over, and rows that were scanned. */
  postgres(dataSource) {
    let last = new Map<string, number>();
    return async () => {
      await dataSource.query('SELECT pg_stat_force_next_flush()');
      const rows = await dataSource.query<{ name: string; number: string }[]>(
        `SELECT relname || ' blocks' AS name, heap_blks_read + heap_blks_hit AS number
            FROM pg_statio_user_tables
          UNION ALL SELECT indexrelname || ' blocks', idx_blks_read + idx_blks_hit
            FROM pg_statio_user_indexes
          UNION ALL SELECT relname || ' rows scanned', seq_tup_read FROM pg_stat_user_tables
          UNION ALL SELECT indexrelname || ' entries', idx_tup_read FROM pg_stat_user_indexes`,
      );
      const now = new Map(rows.map(({ name, number }) => [name, Number(number)]));
      const difference = Object.fromEntries(
        [...now].map(([name, number]) => [name, number - (last.get(name) ?? 0)]),
      );
      last = now;
      return difference;
    };
  },
  mariadb(dataSource) {
    let last = new Map<string, number>();
    return async () => {
      const rows = await dataSource.query<{ Variable_name: string; Value: string }[]>(
        `SHOW SESSION STATUS WHERE Variable_name LIKE 'Handler_read%'`,
      );
      const now = new Map(rows.map(({ Variable_name: name, Value }) => [name, Number(Value)]));
      const difference = Object.fromEntries(
        [...now].map(([name, number]) => [name, number - (last.get(name) ?? 0)]),
      );
      last = now;
      return difference;
    };
  },
  /** Plans that read a table, or an index of it, without a key and not in the order that is asked for. */
  sqlite(dataSource) {
    const connection = (
      dataSource.driver as unknown as { databaseConnection: BetterSqlite3.Database }
    ).databaseConnection;
    const used = new Set<string>();
    const prepare = connection.prepare.bind(connection) as (sql: string) => BetterSqlite3.Statement;
    connection.prepare = ((sql: string) => {
      used.add(sql);
      return prepare(sql);
    }) as typeof connection.prepare;
    const whole = new RegExp(`^SCAN (${tables.join('|')}|[a-z])( USING COVERING INDEX \\w+)?$`);
    return () => {
      const scans: Record<string, number> = {};
      for (const sql of used) {
        if (!/^\s*(SELECT|INSERT|UPDATE|DELETE)/i.test(sql)) continue;
        const plan = prepare(`EXPLAIN QUERY PLAN ${sql}`).all(
          ...Array.from({ length: (sql.match(/\?/g) ?? []).length }, () => 1),
        ) as { readonly detail: string }[];
        const sorts = plan.some(({ detail }) => detail.startsWith('USE TEMP B-TREE'));
        const inOrder = !sorts && /ORDER BY .* LIMIT/s.test(sql);
        for (const { detail } of plan) {
          const passesOver = /\buuid\b.*ORDER BY/s.test(sql) && detail.includes('(rowid>?)');
          if ((whole.test(detail) && !inOrder) || (passesOver && /\.uuid (=|IN)/.test(sql))) {
            scans[`${detail}: ${sql}`] = fullTable;
          }
        }
      }
      return Promise.resolve(scans);
    };
  },
};

export function meter({ kind, dataSource }: GuardedDatabase): Meter {
  return { read: meters[kind](dataSource) };
}
