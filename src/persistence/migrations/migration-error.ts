import { QueryFailedError } from 'typeorm';
import { ConfigurationError } from '../../core/errors/errors.js';
import { databaseError } from '../commit/database-errors.js';
import { databaseFailure } from '../commit/database-failure.js';

/**
 * Pure. The typed error for what ended a migration; what did not come from the database passes unchanged.
 * No message repeats what the driver says of itself: it is the cause.
 */
export function migrationError(error: unknown): unknown {
  const failure = databaseFailure(error);
  if (failure !== 'statement' && failure !== 'schema' && failure !== 'privilege')
    return databaseError(error);
  if (!(error instanceof QueryFailedError)) return error;
  const { driverError: cause } = error;
  const { code: given } = cause as { readonly code?: unknown };
  const code = typeof given === 'string' ? given : 'without a code';
  const parameters = { databaseCode: code };
  if (failure === 'privilege') {
    return new ConfigurationError(
      'DATABASE_CREDENTIALS_REFUSED',
      `The user of the database may not create or change tables in it (${code}). Grant that, or migrate as one who may.`,
      { parameters, cause },
    );
  }
  return new ConfigurationError(
    'DATABASE_ERROR',
    `The database refused a migration (${code}): see the cause, which --debug of the command line shows. Mend it, and migrate again: what was applied before stays.`,
    { parameters, cause },
  );
}
