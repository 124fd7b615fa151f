import { QueryFailedError } from 'typeorm';
import { ConfigurationError, UnavailableError } from '../../core/errors/errors.js';
import { databaseError, databaseFailure } from '../commit/database-errors.js';

/** Codes of PostgreSQL, MySQL and MariaDB for a user who may not do what a migration does. */
const privileges = [
  '42501',
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_COLUMNACCESS_DENIED_ERROR',
  'ER_SPECIFIC_ACCESS_DENIED_ERROR',
];

/** Those of a database that takes no writes; SQLite's may go on (`SQLITE_READONLY_DIRECTORY`). */
const readOnly =
  /^(?:25006|ER_OPTION_PREVENTS_STATEMENT|ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION|SQLITE_READONLY.*)$/u;

/**
 * Pure. The typed error for what ended a migration; what did not come from the database passes unchanged.
 * No message repeats what the driver says of itself: it is the cause.
 */
export function migrationError(error: unknown): unknown {
  const failure = databaseFailure(error);
  if (failure !== 'statement' && failure !== 'schema') return databaseError(error);
  if (!(error instanceof QueryFailedError)) return error;
  const { driverError: cause } = error;
  const { code: given } = cause as { readonly code?: unknown };
  const code = typeof given === 'string' ? given : 'without a code';
  const parameters = { databaseCode: code };
  if (privileges.includes(code)) {
    return new ConfigurationError(
      'DATABASE_CREDENTIALS_REFUSED',
      `The user of the database may not create or change tables in it (${code}). Grant that, or migrate as one who may.`,
      { parameters, cause },
    );
  }
  return new UnavailableError(
    'DATABASE_ERROR',
    readOnly.test(code)
      ? `The database is read only (${code}). Give the address of one that takes writes.`
      : `The database refused a migration (${code}): see the cause, which --debug of the command line shows. Mend it, and migrate again: what was applied before stays.`,
    { parameters, cause },
  );
}
