import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { v4, v7 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { migrate } from '../../src/persistence/migrations/migrate.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { openStore } from '../../src/persistence/open-store.js';
import { eachDatabase, freshDatabase } from '../support/databases.js';

/** The migrations of each release, whose tables lie in `fixtures/released` as that release made them. */
const released = ['CreateSignalbox1700000000000', 'AddConsumers1764000000000'];

eachDatabase((kind) => {
  const mark = (index: number): string => (kind === 'postgres' ? `$${index}` : '?');
  const time = {
    postgres: `'2026-01-01T00:00:00Z'`,
    mariadb: `'2026-01-01 00:00:00.000'`,
    sqlite: '1767225600000',
  }[kind];
  const text = kind === 'postgres' ? time : `'2026-01-01T00:00:00.000Z'`;

  /** What a release wrote: by the statements that it sent, none of which names a column that came later. */
  const writes = async (dataSource: DataSource, release: number): Promise<void> => {
    const [uuid, id, job] = [v4(), v7(), v4()];
    await dataSource.query(
      `INSERT INTO signalbox_journal (id, source, category, type, resource, uuid, revision, time, payload)
        VALUES (${[id, 'old', 'ResourceStateEvent', 'Begin', 'Volume', uuid]
          .map((value) => `'${value}'`)
          .join(', ')}, 2, ${text}, ${mark(1)})`,
      [JSON.stringify({ data: { event: 'Begin', old: 'Idle', new: 'Busy' } })],
    );
    const [{ position }] = (await dataSource.query(
      'SELECT max(position) AS position FROM signalbox_journal',
    )) as [{ position: number }];
    for (const statement of [
      `INSERT INTO signalbox_outbox (position, share) VALUES (${position}, 7)`,
      `INSERT INTO signalbox_outbox (position, bus, share) VALUES (${position}, 'rabbitmq', 7)`,
      `INSERT INTO signalbox_parked (position, bus, share, resource_key, status, reason, parked_at)
        VALUES (${position}, 'rabbitmq', 7, '${uuid}', 'parked', 'refused', ${time})`,
      `INSERT INTO signalbox_deadline (resource, uuid, deadline, revision, due_at)
        VALUES ('Volume', '${uuid}', 'Busy/1000', 2, ${time})`,
      `UPDATE signalbox_lease SET relay = 'old', expires_at = ${time} WHERE share IN (7, 8)`,
      `INSERT INTO signalbox_relay (id, expires_at) VALUES ('${v4()}', ${time})`,
      `INSERT INTO signalbox_bus (name) VALUES ('bus-${release}-${position}')`,
      `INSERT INTO signalbox_job (id, command, status, submitted_at, updated_at, submission)
        VALUES ('${job}', 'copy', 'IN_PROGRESS', ${text}, ${text}, '${id}')`,
      `UPDATE signalbox_job SET progress = 5 WHERE id = '${job}'`,
      ...(release < 2
        ? []
        : [
            `INSERT INTO signalbox_inbox (consumer, id, handled_at) VALUES ('pool', '${id}', ${time})`,
            `INSERT INTO signalbox_seen (consumer, uuid, resource, revision)
              VALUES ('pool', '${uuid}', 'Volume', 2)`,
            `UPDATE signalbox_horizon SET position = 1 WHERE id = 1`,
          ]),
    ]) {
      await dataSource.query(statement);
    }
  };

  /** Every row of every table, by the columns that the release had. */
  const contents = async (
    dataSource: DataSource,
    columns: ReadonlyMap<string, readonly string[]>,
  ): Promise<Record<string, unknown>> => {
    const all: Record<string, unknown> = {};
    for (const [table, names] of columns) {
      all[table] = await dataSource.query(
        `SELECT ${names.join(', ')} FROM ${table} ORDER BY ${names.join(', ')}`,
      );
    }
    return all;
  };

  const columnsOf = async (
    dataSource: DataSource,
  ): Promise<ReadonlyMap<string, readonly string[]>> => {
    const runner = dataSource.createQueryRunner();
    try {
      const tables = await runner.getTables([...tableNames]);
      return new Map(
        tables.map((table) => [
          String(table.name.split('.').at(-1)),
          table.columns.map(({ name }) => name).toSorted(),
        ]),
      );
    } finally {
      await runner.release();
    }
  };

  describe.each([1, 2])('the tables of release %i', (release) => {
    test('are migrated to the newest with every row, and processes of the release write on beside', async () => {
      await using database = await freshDatabase(kind);
      const dataSource = await new DataSource({
        ...database.options,
        migrations: [...migrations],
      } as DataSourceOptions).initialize();
      try {
        for (let step = 1; step <= release; step += 1) {
          for (const statement of statementsOf(`${kind}-${step}.sql`)) {
            await dataSource.query(statement);
          }
        }
        await listAsApplied(dataSource, released.slice(0, release));
        for (let row = 0; row < 20; row += 1) await writes(dataSource, release);
        const columns = await columnsOf(dataSource);
        expect(columns.size).toBe(release === 1 ? 8 : 11);
        const before = await contents(dataSource, columns);

        expect(await migrate(dataSource)).toEqual(
          migrations
            .map(({ name }) => name)
            .filter((name) => !released.slice(0, release).includes(name)),
        );
        expect(await contents(dataSource, columns)).toEqual(before);
        const store = openStore(dataSource);
        await store.verifyMigrated();

        // A process of the release goes on, and what runs here takes what it wrote.
        await writes(dataSource, release);
        expect(
          await store.outbox.read({ partitions: [7], bus: null, except: [], limit: 100 }),
        ).toHaveLength(21);
        expect(await store.outbox.depth()).toMatchObject({ pending: 42, parked: 21 });
        expect(await store.outbox.registerBuses([])).toHaveLength(21);
        expect(await store.deadlines.due({ resources: ['Volume'], limit: 100 })).toHaveLength(21);
        expect((await store.deadlines.list({ limit: 1 }))[0]).toMatchObject({ version: null });
        // Those of the dead relay with the others.
        expect((await store.leases.acquire('new', 60_000)).partitions).toHaveLength(64);
        expect(await store.journal.read({ limit: 100 })).toHaveLength(21);

        // And back, as far as the release.
        for (let step = migrations.length; step > release; step -= 1) {
          await dataSource.undoLastMigration({ transaction: 'each' });
        }
        await writes(dataSource, release);
        expect(await columnsOf(dataSource)).toEqual(columns);
      } finally {
        await dataSource.destroy();
      }
    });
  });
});

const tableNames = [
  'journal',
  'outbox',
  'parked',
  'deadline',
  'lease',
  'relay',
  'bus',
  'job',
  'inbox',
  'seen',
  'horizon',
].map((name) => `signalbox_${name}`);

function statementsOf(file: string): readonly string[] {
  return readFileSync(join(import.meta.dirname, 'fixtures/released', file), 'utf8')
    .split(/;\n/u)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** As TypeORM notes it. */
async function listAsApplied(dataSource: DataSource, names: readonly string[]): Promise<void> {
  // Makes its list.
  await dataSource.showMigrations();
  for (const name of names) {
    await dataSource.query(
      `INSERT INTO migrations (timestamp, name) VALUES (${name.replace(/\D/gu, '')}, '${name}')`,
    );
  }
}
