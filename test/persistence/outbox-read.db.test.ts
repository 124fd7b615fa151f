import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openStore, type OpenStore } from '../../src/persistence/open-store.js';
import type { OutboxRecord } from '../../src/core/stores/outbox-store.js';
import { freshDatabase, type FreshDatabase } from '../support/databases.js';
import { openDataSource, stateEvent } from './relay-tables.js';

let database: FreshDatabase;
let dataSource: DataSource;
let store: OpenStore;

beforeAll(async () => {
  database = await freshDatabase('postgres');
});

afterAll(async () => {
  await database?.dispose();
});

beforeEach(async () => {
  // One connection, so that every read finds what the one before left on it.
  dataSource = await openDataSource({ ...database.options, poolSize: 1 } as never);
  store = openStore(dataSource);
  await dataSource.query('DELETE FROM signalbox_outbox');
  return () => dataSource.destroy();
});

const readAll = (except: readonly number[] = []) =>
  store.outbox.read({ partitions: 'all', bus: null, except, limit: 1000 });

const positions = (rows: readonly OutboxRecord[]) => rows.map(({ position }) => position);

const preparedReads = async (): Promise<number> => {
  const [row] = await dataSource.query<[{ number: number }]>(
    `SELECT count(*)::int AS number FROM pg_prepared_statements
      WHERE from_sql AND statement LIKE '%signalbox_outbox%'`,
  );
  return row.number;
};

test('reads prepare their statement once for each connection', async () => {
  await store.append([stateEvent(), stateEvent()]);
  const rows = await readAll();
  expect(rows).toHaveLength(2);
  expect(positions(await readAll([rows[0]?.position ?? 0]))).toEqual([rows[1]?.position]);
  expect(await preparedReads()).toBe(1);
});

test('what is read is the same with a few and with many positions to pass over', async () => {
  await store.append(Array.from({ length: 700 }, () => stateEvent()));
  const all = positions(await readAll());
  expect(all).toHaveLength(700);
  for (const known of [0, 1, 256, 257, 600]) {
    expect(positions(await readAll(all.slice(0, known)))).toEqual(all.slice(known));
  }
});

test('a backlog is read in the order of its key, however little the planner knows of it', async () => {
  await dataSource.query('TRUNCATE signalbox_outbox, signalbox_journal');
  await dataSource.query('ANALYZE signalbox_outbox, signalbox_journal');
  await readAll();
  const name = await preparedName();
  await store.append(Array.from({ length: 3000 }, () => stateEvent()));
  const plan = await dataSource.transaction(async (manager) => {
    for (const method of ['bitmapscan', 'hashjoin', 'mergejoin', 'seqscan', 'sort']) {
      await manager.query(`SET LOCAL enable_${method} = off`);
    }
    await manager.query('SET LOCAL plan_cache_mode = force_generic_plan');
    return manager.query<{ 'QUERY PLAN': string }[]>(
      `EXPLAIN EXECUTE ${name} ('', '{1,2}', '{}', 1000)`,
    );
  });
  const text = plan.map((row) => row['QUERY PLAN']).join('\n');
  expect(text).toMatch(/Index Scan using signalbox_outbox_pkey.*\n *Index Cond/);
  // Without the condition it would walk the whole journal for each row.
  expect(text).toMatch(/Index Scan using signalbox_journal_pkey.*\n *Index Cond/);
  expect(text).not.toMatch(/Sort|Seq Scan/);
});

test('a removal reaches its rows by their key, however little the planner knows of the table', async () => {
  await dataSource.query('TRUNCATE signalbox_outbox');
  await dataSource.query('ANALYZE signalbox_outbox');
  await dataSource.query(
    'INSERT INTO signalbox_outbox (position, share) SELECT n, n % 64 FROM generate_series(1, 6400) n',
  );
  const touched = async (): Promise<number> => {
    await dataSource.query('SELECT pg_stat_force_next_flush()');
    const [row] = await dataSource.query<[{ number: string }]>(
      `SELECT t.seq_tup_read + i.idx_tup_read AS number
        FROM pg_stat_user_tables t JOIN pg_stat_user_indexes i USING (relid)
        WHERE t.relname = 'signalbox_outbox'`,
    );
    return Number(row.number);
  };
  const before = await touched();
  const refs = Array.from({ length: 64 }, (_, index) => ({ position: index + 3001, bus: '' }));
  await store.outbox.remove(refs);
  expect((await touched()) - before).toBe(64);
  const [row] = await dataSource.query<[{ number: string }]>(
    'SELECT count(*) AS number FROM signalbox_outbox',
  );
  expect(Number(row.number)).toBe(6336);
});

test('a pooler that takes the statement away, or gives that of another, costs no read', async () => {
  await store.append([stateEvent()]);
  expect(await readAll()).toHaveLength(1);
  await dataSource.query('DEALLOCATE ALL');
  expect(await readAll()).toHaveLength(1);
  expect(await preparedReads()).toBe(0);
  expect(await readAll()).toHaveLength(1);
  expect(await preparedReads()).toBe(1);

  // Of two more, the second does not know that the connection has it.
  for (const other of [openStore(dataSource), openStore(dataSource)]) {
    const read = { partitions: 'all', bus: null, except: [], limit: 1 } as const;
    expect(await other.outbox.read(read)).toHaveLength(1);
    expect(await other.outbox.read(read)).toHaveLength(1);
    expect(await preparedReads()).toBe(1);
  }
});

test('where statements get lost again and again, reads are prepared no more', async () => {
  await store.append([stateEvent()]);
  for (let times = 0; times < 3; times += 1) {
    expect(await readAll()).toHaveLength(1);
    expect(await preparedReads()).toBe(1);
    await dataSource.query('DEALLOCATE ALL');
    expect(await readAll()).toHaveLength(1);
  }
  expect(await readAll()).toHaveLength(1);
  expect(await preparedReads()).toBe(0);
});

async function preparedName(): Promise<string> {
  const [row] = await dataSource.query<[{ name: string }]>(
    'SELECT name FROM pg_prepared_statements WHERE from_sql',
  );
  return row.name;
}
