import { randomUUID } from 'node:crypto';
import type { PoolConnection } from 'mysql2';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nextEventId } from '../../../src/core/identity/event-id.js';
import type { JournalEntry } from '../../../src/core/planning/journal-entry.js';
import { MysqlWriter } from '../../../src/persistence/mysql/mysql-writer.js';
import { partitionOf } from '../../../src/persistence/partition.js';
import { type GuardedDatabase, guardedDatabase } from '../guarded-database.js';

let db: GuardedDatabase;
beforeAll(async () => (db = await guardedDatabase('mariadb')));
afterAll(() => db[Symbol.asyncDispose]());

const entries = (many: number): JournalEntry[] =>
  Array.from({ length: many }, (_, index) => ({
    id: nextEventId(),
    source: 'test',
    category: 'UsageEvent',
    type: 'VM.START',
    resource: index % 3 === 0 ? null : 'VM',
    uuid: index % 3 === 0 ? null : randomUUID(),
    revision: index % 3 === 0 ? null : index,
    time: '2026-01-01T00:00:00.000Z',
    payload: `{"hostile":"'\\\\ \\" ? ü 漢 \u{1F600} ${index}"}`,
  }));

interface Written {
  readonly id: string;
  readonly uuid: string | null;
  readonly revision: string | null;
  readonly payload: string;
  readonly share: number;
}

/** What the database has of the entries, in the order of their positions. */
const written = (own: readonly JournalEntry[]) =>
  db.dataSource.query<Written[]>(
    `SELECT j.id, j.uuid, j.revision, j.payload, o.share
      FROM signalbox_journal j JOIN signalbox_outbox o USING (position)
      WHERE j.id IN (?) ORDER BY j.position`,
    [own.map(({ id }) => id)],
  );

const expected = (own: readonly JournalEntry[]) =>
  own.map(({ id, uuid, revision, payload }) => ({
    id,
    uuid,
    revision: revision === null ? null : String(revision),
    payload,
    share: partitionOf(uuid ?? id),
  }));

const sizes = [1, 31, 32, 33, 95, 128, 129, 200, 333];

test('any number of events is written in order, each with its outbox row, by writers at once', async () => {
  const writer = new MysqlWriter(db.dataSource);
  const lists = sizes.map(entries);
  await Promise.all(lists.map((own) => writer.append(own)));
  for (const own of lists) {
    expect(await written(own)).toEqual(expected(own));
  }
});

test('the statements that a connection prepares are few, however many sizes there are', async () => {
  const prepared: string[] = [];
  const writer = new MysqlWriter(
    executedBy((execute) => (sql, ...rest) => {
      prepared.push(sql);
      execute(sql, ...rest);
    }),
  );
  for (const size of sizes) await writer.append(entries(size));
  expect(prepared.length).toBeGreaterThan(3);
  expect(new Set(prepared).size).toBeLessThanOrEqual(3);
});

test('a server that prepares no more statements is sent their texts', async () => {
  const writer = new MysqlWriter(
    executedBy(() => (_sql, _values, done) => {
      const code = 'ER_MAX_PREPARED_STMT_COUNT_REACHED';
      done(Object.assign(new Error('no more'), { code }));
    }),
  );
  const own = entries(150);
  await writer.append(own);
  expect(await written(own)).toEqual(expected(own));
});

type Execute = (
  sql: string,
  values: unknown,
  done: (error: Error | null, result?: unknown) => void,
) => void;

/** The same database, where connections execute prepared statements as `change` has it. */
function executedBy(change: (execute: Execute) => Execute): DataSource {
  const { driver } = db.dataSource as unknown as {
    readonly driver: { obtainMasterConnection(): Promise<PoolConnection> };
  };
  return {
    options: db.dataSource.options,
    query: db.dataSource.query.bind(db.dataSource),
    driver: {
      async obtainMasterConnection() {
        const connection = await driver.obtainMasterConnection();
        return {
          query: connection.query.bind(connection),
          execute: change(connection.execute.bind(connection) as never),
          release: () => connection.release(),
          destroy: () => connection.destroy(),
        };
      },
    },
  } as never;
}
