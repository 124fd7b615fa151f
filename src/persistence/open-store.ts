import { verifyStates } from './mysql/verify-states.js';
import type { DataSource, EntityManager } from 'typeorm';
import { connectionsOf, keepGuarded } from './commit/connections.js';
import type { PlannedTransition } from '../core/planning/plan.js';
import { nextEventId } from '../core/identity/event-id.js';
import { type Application, firstApplication } from './application.js';
import { spacedOutbox } from './spaced-outbox.js';
import { databaseKind } from './database-kind.js';
import type { PlannedWriter } from './commit/guarded-transition.js';
import type { DeadlineTable } from './deadline-table.js';
import { refuseDroppedParameters } from './mysql/address.js';
import { mysqlDeadlines } from './mysql/deadlines.js';
import { mysqlJournal } from './mysql/journal.js';
import { mysqlLeases } from './mysql/leases.js';
import { installModeSafeValues } from './mysql/mode-safe-values.js';
import { MysqlWriter } from './mysql/mysql-writer.js';
import { mysqlOutbox } from './mysql/outbox.js';
import { tableOf, verifyEngines, verifyEmptyText, verifyGalera } from './mysql/verify-server.js';
import { openTransaction } from './commit/open-transaction.js';
import { postgresDeadlines } from './postgres/deadlines.js';
import { postgresJournal } from './postgres/journal.js';
import { postgresLeases } from './postgres/leases.js';
import { postgresOutbox } from './postgres/outbox.js';
import { watched } from './postgres/planned-writes.js';
import { PostgresWriter } from './postgres/postgres-writer.js';
import { sqliteDeadlines } from './sqlite/deadlines.js';
import { sqliteJournal } from './sqlite/journal.js';
import { sqliteLeases } from './sqlite/leases.js';
import { sqliteOutbox } from './sqlite/outbox.js';
import { SqliteWriter } from './sqlite/sqlite-writer.js';
import { installTransactionGate } from './sqlite/transaction-gate.js';
import type { JournalStore } from '../core/stores/journal-store.js';
import type { LeaseStore } from '../core/stores/lease-store.js';
import type { OutboxStore } from '../core/stores/outbox-store.js';
import type { Store } from './store.js';
import { noteAppended } from './guard/transaction-log.js';
import { tablesOf } from './tables/placed-tables.js';
import { ownTables } from './tables/table-names.js';
import { verifyMigrated } from './verify-migrated.js';

/** A store, and the parts of its writer that guard entities being saved. */
export type OpenStore = Store & PlannedWriter;

type Writer = PlannedWriter &
  Pick<Store, 'transition' | 'transitionWithin' | 'append' | 'appendWithin' | 'scheduleWithin'>;

interface StoreParts {
  readonly writer: Writer;
  readonly outbox: OutboxStore;
  readonly leases: LeaseStore;
  readonly deadlines: DeadlineTable;
  readonly journal: JournalStore;
  readonly mayChain?: NonNullable<Store['mayChain']>;
  readonly verifyServer?: NonNullable<Store['verifyServer']>;
}

/**
 * The store for an initialized DataSource. On SQLite it installs the transaction gate, since callers
 * share one connection; on MySQL and MariaDB the writing of values that every `sql_mode` reads alike.
 * Sends nothing; call `verifyMigrated` next. Throws ConfigurationError
 * DATABASE_UNSUPPORTED.
 *
 * @param application Whose outbox, leases and deadlines: what `registerApplication` resolved with.
 */
export function openStore(
  dataSource: DataSource,
  application: Application = firstApplication,
): OpenStore {
  const kind = databaseKind(dataSource);
  keepGuarded(dataSource);
  const { writer, outbox, ...parts } = assemble[kind](dataSource, application);
  const applySeen = writer.applySeenWithin?.bind(writer);
  const appending = async <T>(
    manager: EntityManager,
    work: () => Promise<T>,
    ids: (result: T) => readonly string[],
  ): Promise<T> => {
    const runner = openTransaction(manager);
    const result = await work();
    if (!(result instanceof Error) && result !== false) {
      noteAppended(runner, ids(result));
    }
    return result;
  };
  return {
    kind,
    application,
    connectionUse: () => connectionsOf(dataSource).use(dataSource),
    ...parts,
    outbox: spacedOutbox(outbox, application.space),
    transition: (binding, batch) => writer.transition(binding, batch),
    transitionWithin: (manager, binding, request) =>
      appending(
        manager,
        () => writer.transitionWithin(manager, binding, request),
        (outcome) => (outcome instanceof Error ? [] : outcome.events),
      ),
    append: (entries) => writer.append(entries),
    appendWithin: noting(writer),
    scheduleWithin: (manager, change) => writer.scheduleWithin(manager, change),
    lockWithin: (manager, binding, uuids, skipLocked) =>
      writer.lockWithin(manager, binding, uuids, skipLocked),
    armedWithin: (manager, binding, deadlines) => writer.armedWithin(manager, binding, deadlines),
    applyWithin: (manager, binding, plans) =>
      appending(
        manager,
        () => writer.applyWithin(manager, binding, plans),
        () => plans.flatMap(eventIds),
      ),
    ...(applySeen === undefined
      ? {}
      : {
          applySeenWithin: (manager, binding, seen, plan) =>
            appending(
              manager,
              () => applySeen(manager, binding, seen, plan),
              () => eventIds(plan),
            ),
        }),
    ...(writer.entityLock === undefined ? {} : { entityLock: writer.entityLock }),
    verifyMigrated: () => verifyMigrated(dataSource),
  };
}

/** Appends as the writer does, and notes it in the runner's transaction. */
function noting(writer: Writer): Store['appendWithin'] {
  return async (manager, entries) => {
    await writer.appendWithin(manager, entries);
    noteAppended(
      openTransaction(manager),
      entries.map(({ id }) => id),
    );
  };
}

function eventIds({ entries }: PlannedTransition): readonly string[] {
  return entries.map(({ id }) => id);
}

const assemble: Readonly<
  Record<Store['kind'], (dataSource: DataSource, application: Application) => StoreParts>
> = {
  postgres(dataSource, { id, space }) {
    const writer = new PostgresWriter(dataSource, nextEventId, space);
    const append = noting(writer);
    return {
      writer,
      outbox: postgresOutbox(dataSource, append, space),
      leases: postgresLeases(dataSource, id),
      deadlines: postgresDeadlines(dataSource, space),
      journal: postgresJournal(dataSource, id),
      mayChain: (binding) =>
        dataSource.transaction(async (manager) => !(await watched(manager, binding))),
    };
  },

  mysql(dataSource, { id, space }) {
    refuseDroppedParameters(dataSource);
    installModeSafeValues(dataSource);
    const writer = new MysqlWriter(dataSource, nextEventId, undefined, space);
    const append = noting(writer);
    return {
      writer,
      outbox: mysqlOutbox(dataSource, append, space),
      leases: mysqlLeases(dataSource, id),
      deadlines: mysqlDeadlines(dataSource, space),
      journal: mysqlJournal(dataSource, id),
      async verifyServer(bindings, galera) {
        const names = tablesOf(dataSource);
        const own = ownTables.map((table) => ({
          database: names.schema ?? null,
          name: names.nameOf(table),
        }));
        await verifyEngines(dataSource, [...own, ...bindings.map(tableOf)]);
        await verifyGalera(dataSource, galera);
        await verifyEmptyText(dataSource);
        await verifyStates(dataSource, bindings);
      },
    };
  },

  sqlite(dataSource, { id, space }) {
    installTransactionGate(dataSource);
    return {
      writer: new SqliteWriter(dataSource, nextEventId, space),
      outbox: sqliteOutbox(dataSource, space),
      leases: sqliteLeases(dataSource, id),
      deadlines: sqliteDeadlines(dataSource, space),
      journal: sqliteJournal(dataSource, id),
    };
  },
};
