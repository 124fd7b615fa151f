import { ConfigurationError, SignalboxError, UnavailableError } from '../core/errors/errors.js';
import { databaseError } from '../persistence/commit/database-errors.js';

const drivers = /DriverPackageNotInstalledError|package has not been found installed/;

/**
 * Classes an error of opening a database. Pure. The driver's own error is kept as the cause.
 *
 * @param address Which database, as it may be shown: without a password.
 * @param mustExist Whether a SQLite file was not to be made.
 */
export function openingError(
  error: unknown,
  address: string,
  { mustExist = false }: { readonly mustExist?: boolean } = {},
): SignalboxError {
  if (error instanceof SignalboxError) {
    return error;
  }
  const code = codeOf(error);
  if (code === 'ERR_INVALID_URL') {
    // Without its cause, which holds the address as it was given, password and all.
    return new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      'The database address is no valid URL. Percent-encode special characters in its user and password.',
      { parameters: { key: 'database' } },
    );
  }
  if (error instanceof Error && drivers.test(`${error.name} ${error.message}`)) {
    return new ConfigurationError(
      'DRIVER_MISSING',
      `The database driver is not installed. Run: npm install ${driverOf(error.message)}.`,
      { cause: error },
    );
  }
  if (error instanceof Error && isWithoutBinding(error, code)) {
    const found = code === 'ERR_DLOPEN_FAILED' ? 'cannot be loaded by' : 'is not there for';
    return new ConfigurationError(
      'DRIVER_MISSING',
      `The native binding of better-sqlite3 ${found} Node.js ${process.version} on ${process.platform}-${process.arch}. ` +
        'Run: npm rebuild better-sqlite3; install it without --ignore-scripts, and under the Node.js that runs it.',
      { cause: error },
    );
  }
  if (code === 'SQLITE_CANTOPEN' && mustExist) return databaseFileMissing(address, error);
  if (code === 'SQLITE_CANTOPEN') {
    return fileRefused(
      address,
      'The file cannot be opened or made. Is it a folder, or not yours?',
      error,
    );
  }
  if (code === 'SQLITE_NOTADB') {
    return fileRefused(address, 'The file is no SQLite database. Check the path.', error);
  }
  const typed = databaseError(error);
  if (typed instanceof ConfigurationError && typed.code !== 'DATABASE_ERROR') {
    const { code: refusal, message, cause } = typed;
    return new ConfigurationError(refusal, `${address}: ${message}`, {
      parameters: { address },
      cause,
    });
  }
  return new UnavailableError(
    'DATABASE_UNAVAILABLE',
    `${address}: The database cannot be reached${code === undefined ? '' : ` (${code})`}. Is it running, and is the address right?`,
    { parameters: { address, databaseCode: code ?? null }, cause: error },
  );
}

/** Recognises errors about a native binding that is missing or built for another Node.js. */
function isWithoutBinding({ message }: Error, code: string | undefined): boolean {
  return (
    code === 'ERR_DLOPEN_FAILED' ||
    /Could not locate the bindings file|NODE_MODULE_VERSION/.test(message) ||
    (code === 'MODULE_NOT_FOUND' && /bindings'|\.node'/.test(message))
  );
}

/** Pure. A SQLite file that had to be there is not. */
export function databaseFileMissing(address: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(
    'DATABASE_NOT_MIGRATED',
    `${address}: There is no such database file. Check the path, or create it with signalbox migrate.`,
    { parameters: { address }, cause },
  );
}

function fileRefused(address: string, why: string, cause: unknown): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `${address}: ${why}`, {
    parameters: { key: 'database', address },
    cause,
  });
}

function codeOf(error: unknown): string | undefined {
  const code: unknown =
    error instanceof AggregateError
      ? Reflect.get((error.errors[0] as object | undefined) ?? {}, 'code')
      : Reflect.get(Object(error) as object, 'code');
  return typeof code === 'string' ? code : undefined;
}

function driverOf(message: string): string {
  return (
    ['pg', 'mysql2', 'better-sqlite3'].find((name) => message.toLowerCase().includes(name)) ??
    (/postgres/i.test(message) ? 'pg' : /mysql/i.test(message) ? 'mysql2' : 'better-sqlite3')
  );
}
