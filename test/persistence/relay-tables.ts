import { DataSource, type DataSourceOptions, type EntityManager } from 'typeorm';
import { v4, v7 } from 'uuid';
import { journalEntry } from '../../src/core/planning/announcement.js';
import { databaseKind } from '../../src/persistence/database-kind.js';
import type { JournalEntry } from '../../src/core/planning/journal-entry.js';
import { migrations } from '../../src/persistence/migrations/migrations.js';
import { mysqlDeadlines } from '../../src/persistence/mysql/deadlines.js';
import { mysqlJournal } from '../../src/persistence/mysql/journal.js';
import { mysqlLeases } from '../../src/persistence/mysql/leases.js';
import { mysqlOutbox } from '../../src/persistence/mysql/outbox.js';
import { postgresDeadlines } from '../../src/persistence/postgres/deadlines.js';
import { postgresJournal } from '../../src/persistence/postgres/journal.js';
import { postgresLeases } from '../../src/persistence/postgres/leases.js';
import { postgresOutbox } from '../../src/persistence/postgres/outbox.js';
import { partitionOf } from '../../src/persistence/partition.js';
import { sqliteDeadlines } from '../../src/persistence/sqlite/deadlines.js';
import { sqliteJournal } from '../../src/persistence/sqlite/journal.js';
import { sqliteLeases } from '../../src/persistence/sqlite/leases.js';
import { sqliteOutbox } from '../../src/persistence/sqlite/outbox.js';
import type { DatabaseKind, Store } from '../../src/persistence/store.js';

/** The part of a store that relay and sweeper use, without the writers of transitions. */
export type RelayTables = Pick<
  Store,
  | 'kind'
  | 'append'
  | 'appendWithin'
  | 'outbox'
  | 'leases'
  | 'deadlines'
  | 'journal'
  | 'connectionUse'
>;

/** Opens a DataSource and makes the tables, unless another process has. */
export async function openDataSource(
  options: DataSourceOptions,
  { migrate = true } = {},
): Promise<DataSource> {
  const dataSource = await new DataSource({
    ...options,
    migrations: [...migrations],
  } as DataSourceOptions).initialize();
  if (migrate) await dataSource.runMigrations({ transaction: 'each' });
  return dataSource;
}

/** The stores under test, with the plainest way to append: one insert after another. */
export function relayTables(dataSource: DataSource): RelayTables {
  const kind = databaseKind(dataSource);
  const appendWithin = async (manager: EntityManager, entries: readonly JournalEntry[]) => {
    for (const entry of entries) await insertEntry(kind, manager, entry);
  };
  const append = (entries: readonly JournalEntry[]) =>
    dataSource.transaction((manager) => appendWithin(manager, entries));
  const stores = {
    postgres: () => ({
      outbox: postgresOutbox(dataSource, appendWithin),
      leases: postgresLeases(dataSource),
      deadlines: postgresDeadlines(dataSource),
      journal: postgresJournal(dataSource),
    }),
    mysql: () => ({
      outbox: mysqlOutbox(dataSource, appendWithin),
      leases: mysqlLeases(dataSource),
      deadlines: mysqlDeadlines(dataSource),
      journal: mysqlJournal(dataSource),
    }),
    sqlite: () => ({
      outbox: sqliteOutbox(dataSource),
      leases: sqliteLeases(dataSource),
      deadlines: sqliteDeadlines(dataSource),
      journal: sqliteJournal(dataSource),
    }),
  };
  return { kind, append, appendWithin, connectionUse: () => undefined, ...stores[kind]() };
}

async function insertEntry(
  kind: DatabaseKind,
  manager: EntityManager,
  entry: JournalEntry,
): Promise<void> {
  const names = [
    'id',
    'source',
    'category',
    'type',
    'resource',
    'uuid',
    'revision',
    'time',
  ] as const;
  const mark = (index: number) => (kind === 'postgres' ? `$${index + 1}` : '?');
  await manager.query(
    `INSERT INTO signalbox_journal (${names.join(', ')}, payload)
      VALUES (${[...names, 'payload'].map((_, index) => mark(index)).join(', ')})`,
    [...names.map((name) => entry[name]), entry.payload],
  );
  await manager.query(
    `INSERT INTO signalbox_outbox (position, share)
      SELECT position, ${mark(0)} FROM signalbox_journal WHERE id = ${mark(1)}`,
    [partitionOf(entry.uuid ?? entry.id), entry.id],
  );
}

/** An event of a resource: what `revision` tells apart is all a test needs to follow its order. */
export function stateEvent(uuid: string = v4(), revision = 1, time = new Date()): JournalEntry {
  return journalEntry({
    id: v7(),
    origin: { source: 'management-server', time: time.toISOString() },
    category: 'ResourceStateEvent',
    type: 'StartRequested',
    subject: { resource: 'VirtualMachine', uuid },
    revision,
    data: {
      event: 'StartRequested',
      old: 'Stopped',
      new: 'Starting',
      lifecycleVersion: 1,
      changed: true,
    },
  });
}

/** An event of no resource. */
export function alertEvent(type = 'ALERT.EVENT.PARKED'): JournalEntry {
  return journalEntry({
    id: v7(),
    origin: { source: 'management-server', time: new Date().toISOString() },
    category: 'AlertEvent',
    type,
    data: { subject: 'Somebody should look — 見て' },
  });
}
