import type { DataSource } from 'typeorm';

/**
 * Runs the pending migrations of a DataSource, each in its own transaction, and resolves with their
 * names. Safe to call twice, and from several processes one after another. Rejects with ConfigurationError
 * DATABASE_MIGRATED_OTHERWISE where `signalbox migrate` made the signalbox tables.
 */
export async function migrate(dataSource: DataSource): Promise<readonly string[]> {
  const applied = await dataSource.runMigrations({ transaction: 'each' });
  return applied.map((migration) => migration.name);
}
