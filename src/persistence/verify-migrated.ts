import type { DataSource } from 'typeorm';
import { databaseError } from './commit/database-errors.js';

/** A column of the newest version of each table: a table that lacks it is old. */
const newest: Readonly<Record<string, string>> = {
  signalbox_journal: 'payload',
  signalbox_outbox: 'share',
  signalbox_parked: 'resource_key',
  signalbox_deadline: 'missing_since',
  signalbox_lease: 'application',
  signalbox_relay: 'application',
  signalbox_bus: 'target',
  signalbox_job: 'application',
  signalbox_inbox: 'handled_at',
  signalbox_seen: 'revision',
  signalbox_horizon: 'position',
  signalbox_application: 'name',
};

/** The names of Signalbox's own tables. */
export const ownTables: readonly string[] = Object.keys(newest);

/**
 * Resolves when every signalbox table is there. Rejects with ConfigurationError DATABASE_NOT_MIGRATED
 * when one is missing or old, and with the typed error of a database that cannot be asked.
 */
export async function verifyMigrated(dataSource: DataSource): Promise<void> {
  const columns = Object.entries(newest).map(
    ([table, column]) => `(SELECT count(${column}) FROM ${table} WHERE 1 = 0)`,
  );
  try {
    await dataSource.query(`SELECT ${columns.join(' + ')} AS rows_found`);
  } catch (error) {
    throw databaseError(error);
  }
}
