import type { DataSource } from 'typeorm';
import { databaseKind } from './database-kind.js';
import type { InboxStore } from './inbox-store.js';
import { mysqlInbox } from './mysql/inbox.js';
import { installModeSafeValues } from './mysql/mode-safe-values.js';
import { postgresInbox } from './postgres/inbox.js';
import { sqliteInbox } from './sqlite/inbox.js';
import { installTransactionGate } from './sqlite/transaction-gate.js';

const inboxes = {
  postgres: postgresInbox,
  mysql(dataSource: DataSource): InboxStore {
    installModeSafeValues(dataSource);
    return mysqlInbox(dataSource);
  },
  sqlite(dataSource: DataSource): InboxStore {
    installTransactionGate(dataSource);
    return sqliteInbox(dataSource);
  },
};

/**
 * The inbox of an initialized DataSource. On SQLite it installs the transaction gate, since handlers
 * that run at once share one connection; on MySQL and MariaDB the writing of values that every
 * `sql_mode` reads alike. Sends nothing. Throws ConfigurationError DATABASE_UNSUPPORTED.
 */
export function openInbox(dataSource: DataSource): InboxStore {
  return inboxes[databaseKind(dataSource)](dataSource);
}
