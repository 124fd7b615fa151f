import { ConfigurationError, SignalboxError, UnavailableError } from '../errors/errors.js';
import { databaseError, databaseFailure } from '../store/database-errors.js';

const drivers = /DriverPackageNotInstalledError|package has not been found installed/;

/** Classes an error of opening a database. Pure. The driver's own message is kept as the cause. */
export function openingError(error: unknown): SignalboxError {
  if (error instanceof SignalboxError) {
    return error;
  }
  const code = codeOf(error);
  if (error instanceof Error && drivers.test(`${error.name} ${error.message}`)) {
    return new ConfigurationError(
      'DRIVER_MISSING',
      `The database driver is not installed. Run: npm install ${driverOf(error.message)}.`,
      { cause: error },
    );
  }
  const failure = databaseFailure(error);
  if (failure === 'credentials' || failure === 'database-missing') {
    return databaseError(error);
  }
  return new UnavailableError(
    'DATABASE_UNAVAILABLE',
    `The database cannot be reached${code === undefined ? '' : ` (${code})`}. Is it running, and is the address right?`,
    { parameters: { databaseCode: code ?? null }, cause: error },
  );
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
