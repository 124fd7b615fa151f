import { ConflictError, SignalboxError, UnavailableError } from '../../core/errors/errors.js';

/**
 * Codes of Node's sockets, of undici, and of the database drivers that tell the same. Not `ENOTFOUND`: a
 * name that does not exist may be the message's own.
 */
const connectionCodes: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
  // PostgreSQL: too many connections, shutting down, starting up, read-only after a failover
  '25006',
  '53300',
  '57P01',
  '57P02',
  '57P03',
  '57P05',
  // MySQL and MariaDB
  'ER_CON_COUNT_ERROR',
  'ER_SERVER_SHUTDOWN',
  'ER_CONNECTION_KILLED',
  'ER_OPTION_PREVENTS_STATEMENT',
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR',
]);

/** Answers of HTTP servers that ask the caller to come back later. */
const busyStatus: ReadonlySet<unknown> = new Set([429, 502, 503, 504]);

/** Messages of `pg` and TypeORM for a lost connection, which carry no code. */
const lostConnection =
  /connection terminated|client has encountered a connection error|connection is closed|timeout exceeded when trying to connect|closed state|query read timeout/i;
const lostConnectionNames: ReadonlySet<unknown> = new Set([
  'ConnectionIsNotSetError',
  'CannotExecuteNotConnectedError',
]);

/** How deep causes are followed: further down is nobody's reason any more. */
const deepest = 5;

/**
 * Pure. Whether a handler's error says that something it needs is away, so that waiting helps and another
 * message would fail alike. The rule, in this order, for the error and then for its causes:
 *
 * 1. `retryable: true` or `false` decides, on any error but a `ConflictError`, which concerns one message.
 * 2. An `UnavailableError` is.
 * 3. So is a connection that is refused, reset, timed out or closed, by the `code` of Node's sockets, of
 *    `fetch`, of `pg`, of `mysql2` and of TypeORM, and an answer 429, 502, 503 or 504 in `status`.
 */
export function isUnavailable(error: unknown, depth = 0): boolean {
  if (typeof error !== 'object' || error === null || depth > deepest) return false;
  const { retryable, code, status, statusCode, name, message, cause, driverError, errors } =
    error as Readonly<Record<string, unknown>>;
  if (error instanceof ConflictError) return false;
  if (typeof retryable === 'boolean') return retryable;
  if (error instanceof SignalboxError) return error instanceof UnavailableError;
  if (connectionCodes.has(code) || busyStatus.has(status) || busyStatus.has(statusCode))
    return true;
  // SQLSTATE class 08: connection exception.
  if (typeof code === 'string' && /^08[0-9A-Z]{3}$/.test(code)) return true;
  if (lostConnectionNames.has(name)) return true;
  if (code === undefined && typeof message === 'string' && lostConnection.test(message))
    return true;
  const inner = [driverError, cause, ...(Array.isArray(errors) ? errors.slice(0, deepest) : [])];
  return inner.some((each) => isUnavailable(each, depth + 1));
}
