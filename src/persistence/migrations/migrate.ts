import type { DataSource } from 'typeorm';
import { migrationError } from './migration-error.js';

/**
 * Runs the pending migrations of a DataSource, each in its own transaction, and resolves with their
 * names. Safe to call twice, and from several processes one after another. Rejects with ConfigurationError
 * DATABASE_MIGRATED_OTHERWISE where `signalbox migrate` made the signalbox tables and
 * DATABASE_CREDENTIALS_REFUSED where the user may not create tables, and with UnavailableError
 * DATABASE_UNAVAILABLE or DATABASE_ERROR.
 */
export async function migrate(dataSource: DataSource): Promise<readonly string[]> {
  const applied = await dataSource
    .runMigrations({ transaction: 'each' })
    .catch((error: unknown) => {
      throw migrationError(error);
    });
  return applied.map((migration) => migration.name);
}
