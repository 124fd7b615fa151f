import { SignalboxError } from '../../core/errors/errors.js';
import {
  QueryFailedError,
  QueryRunnerAlreadyReleasedError,
  QueryRunnerProviderAlreadyReleasedError,
} from 'typeorm';

/** The kinds of failures of a database, told apart by what the caller must do. */
export type DatabaseFailure =
  | 'connection'
  | 'closed'
  | 'credentials'
  | 'privilege'
  | 'database-missing'
  | 'schema'
  | 'contention'
  | 'transaction-lost'
  | 'overloaded'
  | 'read-only'
  | 'constraint'
  | 'value'
  | 'statement';

/** The fields that the drivers put on their errors. */
export interface DriverError {
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly sqlState?: unknown;
  readonly message?: unknown;
}

/** Codes of PostgreSQL (SQLSTATE), mysql2 (names), better-sqlite3 and Node's sockets. */
const failures: Readonly<Record<string, DatabaseFailure>> = {
  // PostgreSQL
  '25006': 'read-only',
  '25P02': 'transaction-lost',
  '25P03': 'connection',
  '25P04': 'connection',
  '28000': 'credentials',
  '28P01': 'credentials',
  '3D000': 'database-missing',
  '40001': 'contention',
  '40P01': 'contention',
  '42501': 'privilege',
  '42703': 'schema',
  '42P01': 'schema',
  '3F000': 'schema',
  '53300': 'connection',
  '55P03': 'contention',
  '57014': 'overloaded',
  '57P01': 'connection',
  '57P02': 'connection',
  '57P03': 'connection',
  '57P05': 'connection',
  P0001: 'constraint',
  // MySQL and MariaDB
  ER_ACCESS_DENIED_ERROR: 'credentials',
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: 'credentials',
  ER_DBACCESS_DENIED_ERROR: 'credentials',
  ER_TABLEACCESS_DENIED_ERROR: 'privilege',
  ER_COLUMNACCESS_DENIED_ERROR: 'privilege',
  ER_SPECIFIC_ACCESS_DENIED_ERROR: 'privilege',
  ER_BAD_DB_ERROR: 'database-missing',
  ER_NO_SUCH_TABLE: 'schema',
  ER_BAD_FIELD_ERROR: 'schema',
  ER_LOCK_DEADLOCK: 'contention',
  ER_LOCK_WAIT_TIMEOUT: 'contention',
  ER_CHECKREAD: 'contention',
  ER_CON_COUNT_ERROR: 'connection',
  ER_TOO_MANY_USER_CONNECTIONS: 'connection',
  ER_USER_LIMIT_REACHED: 'connection',
  ER_SERVER_SHUTDOWN: 'connection',
  // A node of a Galera cluster that is not, or no more, a part of it.
  ER_UNKNOWN_COM_ERROR: 'connection',
  ER_CONNECTION_KILLED: 'connection',
  PROTOCOL_CONNECTION_LOST: 'connection',
  PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR: 'connection',
  ER_OPTION_PREVENTS_STATEMENT: 'read-only',
  ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION: 'read-only',
  ER_READ_ONLY_MODE: 'read-only',
  ER_DISK_FULL: 'overloaded',
  ER_RECORD_FILE_FULL: 'overloaded',
  ER_ERROR_ON_WRITE: 'overloaded',
  ER_OUTOFMEMORY: 'overloaded',
  ER_OUT_OF_SORTMEMORY: 'overloaded',
  ER_OUT_OF_RESOURCES: 'overloaded',
  ER_LOCK_TABLE_FULL: 'overloaded',
  ER_TOO_MANY_CONCURRENT_TRXS: 'overloaded',
  ER_QUERY_INTERRUPTED: 'overloaded',
  ER_QUERY_TIMEOUT: 'overloaded',
  ER_STATEMENT_TIMEOUT: 'overloaded',
  ER_DUP_ENTRY: 'constraint',
  ER_DUP_ENTRY_WITH_KEY_NAME: 'constraint',
  ER_BAD_NULL_ERROR: 'constraint',
  ER_NO_REFERENCED_ROW: 'constraint',
  ER_NO_REFERENCED_ROW_2: 'constraint',
  ER_ROW_IS_REFERENCED: 'constraint',
  ER_ROW_IS_REFERENCED_2: 'constraint',
  ER_CONSTRAINT_FAILED: 'constraint',
  ER_CHECK_CONSTRAINT_VIOLATED: 'constraint',
  ER_NO_DEFAULT_FOR_FIELD: 'constraint',
  ER_SIGNAL_EXCEPTION: 'constraint',
  ER_DATA_TOO_LONG: 'value',
  WARN_DATA_TRUNCATED: 'value',
  ER_WARN_DATA_OUT_OF_RANGE: 'value',
  ER_TRUNCATED_WRONG_VALUE: 'value',
  ER_TRUNCATED_WRONG_VALUE_FOR_FIELD: 'value',
  ER_WRONG_VALUE: 'value',
  ER_INVALID_JSON_TEXT: 'value',
  ER_NET_PACKET_TOO_LARGE: 'value',
  // Of `databaseError`
  DATASOURCE_CLOSED: 'closed',
  // SQLite
  SQLITE_BUSY: 'contention',
  SQLITE_LOCKED: 'contention',
  SQLITE_CANTOPEN: 'connection',
  SQLITE_READONLY: 'read-only',
  SQLITE_FULL: 'overloaded',
  SQLITE_IOERR: 'overloaded',
  SQLITE_NOMEM: 'overloaded',
  SQLITE_AUTH: 'privilege',
  SQLITE_PERM: 'privilege',
  SQLITE_CONSTRAINT: 'constraint',
  SQLITE_CONSTRAINT_DATATYPE: 'value',
  SQLITE_MISMATCH: 'value',
  SQLITE_TOOBIG: 'value',
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

/** The classes of SQLSTATE, for codes that have no row of their own. */
const classes: Readonly<Record<string, DatabaseFailure>> = {
  '08': 'connection',
  '22': 'value',
  '23': 'constraint',
  '45': 'constraint',
  '53': 'overloaded',
  '58': 'overloaded',
};

/**
 * Errors that `pg` raises without a code when its socket is gone or no connection came in time, or no answer:
 * it then asks no more, while the server goes on with the statement.
 */
const lostConnection =
  /connection terminated|client has encountered a connection error|connection is closed|timeout exceeded when trying to connect|not queryable|closed state|query read timeout/i;

/** Errors of `pg`, mysql2, better-sqlite3 and TypeORM when their DataSource was destroyed; none has a code. */
const closedPool =
  /after calling end on the pool|^Pool is closed\.|database connection is not open|^Driver not Connected|^Connection is not established with/;

const waitTimeout = /timeout exceeded when trying to connect|query_wait_timeout/;

/** MySQL takes a number that is not finite for the name of a column, as its client writes it. */
const notFinite = /Unknown column '(?:NaN|-?Infinity)'/;

/** Whether TypeORM had released the runner of a statement, as it does when its connection breaks. Pure. */
export function isReleased(error: unknown): boolean {
  return (
    error instanceof QueryRunnerAlreadyReleasedError ||
    error instanceof QueryRunnerProviderAlreadyReleasedError
  );
}

/** Tells what an error of TypeORM or of a driver means. Pure. */
export function databaseFailure(error: unknown): DatabaseFailure {
  // TypeORM releases a runner in the middle of a transaction when its connection breaks.
  if (isReleased(error)) return 'connection';
  const inner = driverError(error);
  const { code, sqlState, message } = inner;
  const text = typeof message === 'string' ? message : '';
  if (typeof code !== 'string') {
    if (typeof sqlState === 'string') return ofState(sqlState) ?? 'statement';
    if (closedPool.test(text)) return 'closed';
    if (lostConnection.test(text)) return 'connection';
    // What better-sqlite3 cannot bind.
    const isOfValue = inner instanceof TypeError || inner instanceof RangeError;
    return error instanceof QueryFailedError && isOfValue ? 'value' : 'statement';
  }
  // A node of a cluster that is not in its majority answers nothing else.
  if (code === 'ER_UNKNOWN_COM_ERROR' && text.includes('WSREP')) return 'read-only';
  if (code === 'ER_BAD_FIELD_ERROR' && notFinite.test(text)) return 'value';
  if (code === 'SQLITE_ERROR' && /no such (table|column)/.test(text)) return 'schema';
  return (
    own(failures, code) ??
    // SQLite's extended codes go on where the primary one ends.
    own(failures, /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? '') ??
    ofState(typeof sqlState === 'string' ? sqlState : code) ??
    'statement'
  );
}

/**
 * Whether a caller gave up waiting for a connection of a pool that others had in use: the driver's own, or
 * PgBouncer's. Pure.
 */
export function isWaitTimeout(error: unknown): boolean {
  const { message } = driverError(error instanceof SignalboxError ? error.cause : error);
  return typeof message === 'string' && waitTimeout.test(message);
}

/** The error of the driver in an error of TypeORM. Pure. */
export function driverError(error: unknown): DriverError {
  const inner: unknown = error instanceof QueryFailedError ? error.driverError : error;
  // Happy-eyeballs connects reject with one error for each address.
  const first: unknown = inner instanceof AggregateError ? inner.errors[0] : inner;
  return typeof first === 'object' && first !== null ? first : { message: String(first) };
}

function ofState(state: string): DatabaseFailure | undefined {
  return /^[\dA-Z]{5}$/.test(state) ? own(classes, state.slice(0, 2)) : undefined;
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
