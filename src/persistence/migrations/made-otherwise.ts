import { QueryFailedError, type DataSource } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';
import { databaseKind } from '../database-kind.js';
import type { TableNames } from '../tables/table-names.js';

/**
 * The typed error for a table that the first migration found there, and undefined for every other error.
 * Pure. Only the database knows whether a name is taken where the table goes, so nobody asks before.
 */
export function madeOtherwise(
  error: unknown,
  dataSource: DataSource,
  names: TableNames,
): ConfigurationError | undefined {
  if (!(error instanceof QueryFailedError) || !isTableThere(error.driverError)) return undefined;
  const list = dataSource.options.migrationsTableName ?? 'migrations';
  const remedy =
    list === names.nameOf('migration')
      ? 'the migrations of a DataSource made them. Use one of the two ways on a database: here migrate(dataSource), or runMigrations() of that DataSource'
      : `\`signalbox migrate\` made them, which keeps a list of its own (${names.nameOf('migration')}). Use one of the two ways on a database: here that command, without \`...migrations\` in your DataSource`;
  const interrupted =
    databaseKind(dataSource) === 'mysql'
      ? ' Where neither ran to its end, one was interrupted, which this database does not undo: see that the tables are empty, and drop them.'
      : '';
  return new ConfigurationError(
    'DATABASE_MIGRATED_OTHERWISE',
    `The signalbox tables${names.isDefault ? '' : ` (${names.key}*)`} are there, but the table '${list}' does not list their migrations: ${remedy}.${interrupted}`,
    { parameters: { list }, cause: error.driverError },
  );
}

/** In the words of PostgreSQL, MySQL and MariaDB, and SQLite. */
function isTableThere({ code, message }: { readonly code?: unknown; readonly message: string }) {
  return (
    code === '42P07' ||
    code === 'ER_TABLE_EXISTS_ERROR' ||
    (code === 'SQLITE_ERROR' && /^table .* already exists$/u.test(message))
  );
}
