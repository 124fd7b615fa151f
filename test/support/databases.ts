import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import pg from 'pg';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { describe } from 'vitest';
import { serviceUrl } from './service-url.js';
import { uniqueName } from './unique-name.js';

/** The servers of the tests. MariaDB stands for the `mysql` family. */
export const testDatabases = ['sqlite', 'postgres', 'mariadb'] as const;

export type TestDatabase = (typeof testDatabases)[number];

/** An empty database of its own. Spread `options` into a DataSource and add entities. */
export interface FreshDatabase extends AsyncDisposable {
  readonly kind: TestDatabase;
  readonly options: DataSourceOptions;
  /** As `--database` takes it: `postgres://…`, `mysql://…`, `sqlite:<path>`. */
  readonly url: string;
  /** Drops the database with everyone still connected to it. Safe to call twice. */
  dispose(): Promise<void>;
}

/** Creates an empty database under a name that nobody else uses. */
export async function freshDatabase(kind: TestDatabase): Promise<FreshDatabase> {
  const { options, url, drop } = await creators[kind]();
  let dropped: Promise<unknown> | undefined;
  const dispose = async (): Promise<void> => {
    await (dropped ??= drop());
  };
  return { kind, options, url, dispose, [Symbol.asyncDispose]: dispose };
}

/** Declares the same suite once for every database. */
export function eachDatabase(suite: (kind: TestDatabase) => void): void {
  describe.each(testDatabases)('on %s', (kind) => {
    suite(kind);
  });
}

/**
 * For several DataSources of one process on one SQLite file: its driver waits for a lock without letting
 * the one that holds it, in the same process, give it back. With this the lock is refused at once.
 */
export async function neverBlockOnLocks(dataSource: DataSource): Promise<void> {
  if (dataSource.options.type === 'better-sqlite3')
    await dataSource.query('PRAGMA busy_timeout = 1');
}

interface Created {
  readonly options: DataSourceOptions;
  readonly url: string;
  readonly drop: () => Promise<unknown>;
}

const creators: Readonly<Record<TestDatabase, () => Promise<Created>>> = {
  async sqlite() {
    const directory = await mkdtemp(join(tmpdir(), 'signalbox-test-'));
    const database = join(directory, 'test.sqlite');
    return {
      options: { type: 'better-sqlite3', database },
      url: `sqlite:${database}`,
      drop: () => rm(directory, { recursive: true, force: true }),
    };
  },

  async postgres() {
    const name = uniqueName('signalbox');
    await onServer('postgres', `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
    const url = withDatabase(serviceUrl('postgres'), name);
    return {
      options: { type: 'postgres', url },
      url,
      drop: () => onServer('postgres', `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
    };
  },

  async mariadb() {
    const name = uniqueName('signalbox');
    await onServer('mariadb', `CREATE DATABASE ${name} CHARACTER SET utf8mb4`);
    const url = withDatabase(serviceUrl('mariadb'), name);
    return {
      options: { type: 'mariadb', url },
      url,
      drop: () => onServer('mariadb', `DROP DATABASE IF EXISTS ${name}`),
    };
  },
};

/** Runs a statement on a server of the tests, outside of any test's database; resolves with its rows. */
export async function onServer(
  kind: 'postgres' | 'mariadb',
  statement: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  if (kind === 'postgres') {
    const client = new pg.Client({ connectionString: serviceUrl('postgres') });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }
  const connection = await createConnection({ uri: serviceUrl('mariadb') });
  try {
    const [rows] = await connection.query(statement);
    return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
  } finally {
    await connection.end();
  }
}

function withDatabase(url: string, name: string): string {
  const parsed = new URL(url);
  parsed.pathname = `/${name}`;
  return parsed.href;
}
