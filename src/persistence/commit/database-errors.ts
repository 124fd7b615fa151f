import {
  ClosedError,
  ConfigurationError,
  ConflictError,
  RefusedError,
  SignalboxError,
  UnavailableError,
} from '../../core/errors/errors.js';
import { databaseFailure, driverError, type DriverError } from './database-failure.js';
import { refusedRow } from './refused-row.js';

/**
 * The typed error for an error of TypeORM or of a driver; errors of this package pass unchanged.
 * Pure. The driver's error is the cause. No message repeats what the driver says of itself, which may
 * hold hosts, users or values.
 */
export function databaseError(error: unknown): SignalboxError {
  if (error instanceof SignalboxError) {
    return error;
  }
  const cause = driverError(error);
  const fields = { cause };
  switch (databaseFailure(error)) {
    case 'connection':
      return new UnavailableError(
        'DATABASE_UNAVAILABLE',
        'The database cannot be reached or dropped the connection. Nothing was committed; retry later.',
        fields,
      );
    case 'closed':
      return new ClosedError(
        'DATASOURCE_CLOSED',
        'The DataSource was destroyed before the statement was sent, and nothing was committed. Call dataSource.initialize() again, or close the Signalbox before its DataSource.',
        fields,
      );
    case 'overloaded':
      return new UnavailableError(
        'DATABASE_OVERLOADED',
        `The database had no room or no time for the statement${told(cause)}: see the cause. Nothing was written; retry later, and tell its operator.`,
        fields,
      );
    case 'read-only':
      return new UnavailableError(
        'DATABASE_READ_ONLY',
        `The database is read only${told(cause)}. Nothing was written; retry later if it fails over, else give the address of one that takes writes.`,
        fields,
      );
    case 'credentials':
      return new ConfigurationError(
        'DATABASE_CREDENTIALS_REFUSED',
        'The database refused the user, the password, or a connection in clear. Check the configured credentials, and whether it requires TLS of this user: sslmode=verify-full or ssl-ca in the address.',
        fields,
      );
    case 'privilege':
      return new ConfigurationError(
        'DATABASE_CREDENTIALS_REFUSED',
        `The user of the database lacks a privilege that the statement needs${told(cause)}: see the cause. Grant it.`,
        fields,
      );
    case 'database-missing':
      return new ConfigurationError(
        'DATABASE_NOT_MIGRATED',
        'The server has no database of the configured name. Create it, then run migrate(dataSource) or `signalbox migrate`.',
        fields,
      );
    case 'schema':
      return new ConfigurationError(
        'DATABASE_NOT_MIGRATED',
        'A table or column is missing. Run migrate(dataSource) where the DataSource lists the ' +
          'signalbox migrations, else `signalbox migrate`; and your own migrations for the resources.',
        fields,
      );
    case 'contention':
      return new ConflictError('LOCK_CONFLICT', lockMessage(cause), fields);
    case 'transaction-lost':
      return new ConflictError(
        'TRANSACTION_LOST',
        'An earlier statement of this transaction failed, so the database takes no more of them. Nothing is committed. Let the first error pass, or use a savepoint, and run the transaction again.',
        fields,
      );
    case 'constraint':
      return constraintViolated(cause);
    case 'value':
      return valueRefused(cause);
    case 'statement':
      return new ConfigurationError(
        'DATABASE_ERROR',
        `The database refused the statement${told(cause)}: see the cause. Nothing was written.`,
        fields,
      );
  }
}

/** Runs reads of the database. Rejects with the typed error for what they reject with; see `databaseError`. */
export async function withTypedErrors<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw databaseError(error);
  }
}

/** A lock timeout ends a statement; a deadlock or a serialization conflict ends the transaction. */
function lockMessage({ code }: DriverError): string {
  return code === '55P03' || code === 'ER_LOCK_WAIT_TIMEOUT' || String(code).startsWith('SQLITE_')
    ? 'Another transaction held a lock for longer than the lock timeout. Nothing was written; run the transaction again.'
    : 'The database rolled this transaction back, to end a deadlock or a serialization conflict with another one. Nothing was written; run it again.';
}

function constraintViolated(cause: DriverError): RefusedError {
  const { kind, constraint, table, column } = refusedRow(cause);
  const by =
    kind === 'trigger'
      ? 'A trigger'
      : kind === 'constraint'
        ? 'A constraint'
        : `A ${kind} constraint`;
  return RefusedError.of(
    'CONSTRAINT_VIOLATED',
    `${by}${constraint === null ? '' : ` (${constraint})`}${place(table, column)} refused the row${told(cause)}. Nothing was written; change the values.`,
    { kind, constraint, table, column },
    { cause },
  );
}

function valueRefused(cause: DriverError): RefusedError {
  const { table, column } = refusedRow(cause);
  return RefusedError.of(
    'VALUE_REFUSED',
    `A value does not fit its column${place(table, column)}${told(cause)}: it is too long, out of range, or of a wrong kind. Nothing was written; change the value.`,
    { table, column },
    { cause },
  );
}

function place(table: string | null, column: string | null): string {
  if (column !== null) return ` of ${table === null ? '' : `${table}.`}${column}`;
  return table === null ? '' : ` of ${table}`;
}

function told({ code }: DriverError): string {
  return typeof code === 'string' ? ` (${code})` : '';
}
