import type { DataSource } from 'typeorm';
import { ensureSchema } from './ensure-schema.js';
import { migrationError } from './migration-error.js';

/**
 * Runs the pending migrations of a DataSource, each in its own transaction, and resolves with their
 * names. On PostgreSQL it makes the `schema` of the DataSource first, if it is not there. Safe to call twice, and from several processes one after another. Rejects with ConfigurationError
 * DATABASE_MIGRATED_OTHERWISE where `signalbox migrate` made the signalbox tables and
 * DATABASE_CREDENTIALS_REFUSED where the user may not create tables, and with UnavailableError
 * DATABASE_UNAVAILABLE or DATABASE_ERROR.
 */
export async function migrate(dataSource: DataSource): Promise<readonly string[]> {
  const { type, schema } = dataSource.options as {
    readonly type: string;
    readonly schema?: string;
  };
  try {
    // TypeORM keeps its list of migrations there, and makes no schema.
    if (type === 'postgres' && schema !== undefined) await ensureSchema(dataSource, schema);
  } catch (error) {
    throw migrationError(error);
  }
  const applied = await dataSource
    .runMigrations({ transaction: 'each' })
    .catch((error: unknown) => {
      throw migrationError(error);
    });
  return applied.map((migration) => migration.name);
}
