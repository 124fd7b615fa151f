import { QueryFailedError } from 'typeorm';
import {
  ConfigurationError,
  ConflictError,
  SignalboxError,
  UnavailableError,
} from '../../core/errors/errors.js';

/** What an error of a database driver means to whoever must react to it. */
export type DatabaseFailure =
  'connection' | 'credentials' | 'database-missing' | 'schema' | 'contention' | 'statement';

interface DriverError {
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly fatal?: unknown;
  readonly message?: unknown;
}

/** Codes of PostgreSQL (SQLSTATE), mysql2 (names), better-sqlite3 and Node's sockets. */
const failures: Readonly<Record<string, DatabaseFailure>> = {
  // PostgreSQL
  '28000': 'credentials',
  '28P01': 'credentials',
  '3D000': 'database-missing',
  '40001': 'contention',
  '40P01': 'contention',
  '42703': 'schema',
  '42P01': 'schema',
  '53300': 'connection',
  '55P03': 'contention',
  '57P01': 'connection',
  '57P02': 'connection',
  '57P03': 'connection',
  '57P05': 'connection',
  // MySQL and MariaDB
  ER_ACCESS_DENIED_ERROR: 'credentials',
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: 'credentials',
  ER_DBACCESS_DENIED_ERROR: 'credentials',
  ER_BAD_DB_ERROR: 'database-missing',
  ER_NO_SUCH_TABLE: 'schema',
  ER_BAD_FIELD_ERROR: 'schema',
  ER_LOCK_DEADLOCK: 'contention',
  ER_LOCK_WAIT_TIMEOUT: 'contention',
  ER_CHECKREAD: 'contention',
  ER_CON_COUNT_ERROR: 'connection',
  ER_SERVER_SHUTDOWN: 'connection',
  ER_CONNECTION_KILLED: 'connection',
  PROTOCOL_CONNECTION_LOST: 'connection',
  PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR: 'connection',
  // SQLite
  SQLITE_BUSY: 'contention',
  SQLITE_BUSY_SNAPSHOT: 'contention',
  SQLITE_LOCKED: 'contention',
  SQLITE_CANTOPEN: 'connection',
  // Sockets
  ECONNREFUSED: 'connection',
  ECONNRESET: 'connection',
  ECONNABORTED: 'connection',
  EHOSTUNREACH: 'connection',
  ENETUNREACH: 'connection',
  ENOTFOUND: 'connection',
  EAI_AGAIN: 'connection',
  EPIPE: 'connection',
  ETIMEDOUT: 'connection',
};

/**
 * Errors that `pg` raises without a code when its socket is gone or no connection came in time, or no answer:
 * it then asks no more, while the server goes on with the statement.
 */
const lostConnection =
  /connection terminated|client has encountered a connection error|connection is closed|timeout exceeded when trying to connect|not queryable|after calling end on the pool|closed state|query read timeout/i;

/** Tells what an error of TypeORM or of a driver means. Pure. */
export function databaseFailure(error: unknown): DatabaseFailure {
  const { code, message } = driverError(error);
  const text = typeof message === 'string' ? message : '';
  if (typeof code === 'string') {
    const known = failures[code];
    if (known !== undefined) {
      return known;
    }
    if (code.startsWith('08')) {
      return 'connection';
    }
    if (code === 'SQLITE_ERROR' && /no such (table|column)/.test(text)) {
      return 'schema';
    }
    return 'statement';
  }
  return lostConnection.test(text) ? 'connection' : 'statement';
}

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
    case 'credentials':
      return new ConfigurationError(
        'DATABASE_CREDENTIALS_REFUSED',
        'The database refused the user or password. Check the configured credentials.',
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
      return new ConflictError(
        'LOCK_CONFLICT',
        'The database gave this transaction up to let another one pass. Nothing was written; retry.',
        fields,
      );
    case 'statement': {
      const code = typeof cause.code === 'string' ? ` (${cause.code})` : '';
      return new UnavailableError(
        'DATABASE_ERROR',
        `The database refused the statement${code}: see the cause. Nothing was written.`,
        fields,
      );
    }
  }
}

function driverError(error: unknown): DriverError {
  const inner: unknown = error instanceof QueryFailedError ? error.driverError : error;
  // Happy-eyeballs connects reject with one error for each address.
  const first: unknown = inner instanceof AggregateError ? inner.errors[0] : inner;
  return typeof first === 'object' && first !== null ? first : { message: String(first) };
}
