import type { DataSource } from 'typeorm';
import {
  type Application,
  chooseApplication,
  firstApplication,
  notedApplication,
} from './application.js';
import { databaseKind } from './database-kind.js';
import type { InboxStore } from './inbox-store.js';
import { mysqlInbox } from './mysql/inbox.js';
import { installModeSafeValues } from './mysql/mode-safe-values.js';
import { postgresInbox } from './postgres/inbox.js';
import { sqliteInbox } from './sqlite/inbox.js';
import { installTransactionGate } from './sqlite/transaction-gate.js';

const inboxes = {
  postgres: postgresInbox,
  mysql(dataSource: DataSource, space: string): InboxStore {
    installModeSafeValues(dataSource);
    return mysqlInbox(dataSource, space);
  },
  sqlite(dataSource: DataSource, space: string): InboxStore {
    installTransactionGate(dataSource);
    return sqliteInbox(dataSource, space);
  },
};

/**
 * The inbox of an initialized DataSource. On SQLite it installs the transaction gate, since handlers
 * that run at once share one connection; on MySQL and MariaDB the writing of values that every
 * `sql_mode` reads alike. Sends nothing. Throws ConfigurationError DATABASE_UNSUPPORTED.
 *
 * @param application Whose consumers: two of one name in two applications are two.
 */
export function openInbox(
  dataSource: DataSource,
  { space }: Application = firstApplication,
): InboxStore {
  return inboxes[databaseKind(dataSource)](dataSource, space);
}

/**
 * The inbox of the application that is named; without a name of the one whose Signalbox is on the
 * DataSource, else of the first one. Rejects with ConfigurationError CONFIG_VALUE_INVALID where several are,
 * RefusedError UNKNOWN_APPLICATION, and typed errors of the database.
 */
export async function openInboxOf(
  dataSource: DataSource,
  application: string | undefined,
): Promise<InboxStore> {
  return openInbox(
    dataSource,
    application === undefined
      ? notedApplication(dataSource)
      : await chooseApplication(dataSource, application),
  );
}
