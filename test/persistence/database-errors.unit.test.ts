import { QueryFailedError, QueryRunnerAlreadyReleasedError } from 'typeorm';
import { describe, expect, test } from 'vitest';
import { ConflictError, RefusedError, SignalboxError } from '../../src/core/errors/errors.js';
import { databaseError } from '../../src/persistence/commit/database-errors.js';
import { databaseFailure } from '../../src/persistence/commit/database-failure.js';

const driverError = (code: string, message = 'secret-host refused user root') =>
  Object.assign(new Error(message), { code });

describe('an error of a driver becomes the error that says what to do', () => {
  test('a runner that was released because its connection broke is no refused statement', () => {
    expect(databaseError(new QueryRunnerAlreadyReleasedError())).toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
  });

  test.each([
    'Cannot use a pool after calling end on the pool',
    'Pool is closed.',
    'The database connection is not open',
    'Driver not Connected',
    'Connection is not established with mysql database',
  ])('%s is DATASOURCE_CLOSED', (message) => {
    const cause = new TypeError(message);
    for (const error of [cause, new QueryFailedError('SELECT 1', [], cause)]) {
      const typed = databaseError(error);
      expect(typed).toMatchObject({ code: 'DATASOURCE_CLOSED', retryable: false, cause });
      expect(databaseFailure(typed)).toBe('closed');
    }
  });

  test.each([
    ['28P01', 'DATABASE_CREDENTIALS_REFUSED'],
    ['ER_ACCESS_DENIED_ERROR', 'DATABASE_CREDENTIALS_REFUSED'],
    ['3D000', 'DATABASE_NOT_MIGRATED'],
    ['42P01', 'DATABASE_NOT_MIGRATED'],
    ['ER_NO_SUCH_TABLE', 'DATABASE_NOT_MIGRATED'],
    ['40P01', 'LOCK_CONFLICT'],
    ['40001', 'LOCK_CONFLICT'],
    ['55P03', 'LOCK_CONFLICT'],
    ['ER_LOCK_DEADLOCK', 'LOCK_CONFLICT'],
    ['SQLITE_BUSY', 'LOCK_CONFLICT'],
    ['ECONNREFUSED', 'DATABASE_UNAVAILABLE'],
    ['08006', 'DATABASE_UNAVAILABLE'],
    ['57P01', 'DATABASE_UNAVAILABLE'],
    ['PROTOCOL_CONNECTION_LOST', 'DATABASE_UNAVAILABLE'],
    ['23514', 'CONSTRAINT_VIOLATED'],
    ['23505', 'CONSTRAINT_VIOLATED'],
    ['P0001', 'CONSTRAINT_VIOLATED'],
    ['ER_DUP_ENTRY', 'CONSTRAINT_VIOLATED'],
    ['ER_SIGNAL_EXCEPTION', 'CONSTRAINT_VIOLATED'],
    ['SQLITE_CONSTRAINT_CHECK', 'CONSTRAINT_VIOLATED'],
    ['SQLITE_CONSTRAINT_TRIGGER', 'CONSTRAINT_VIOLATED'],
    ['22001', 'VALUE_REFUSED'],
    ['22P02', 'VALUE_REFUSED'],
    ['ER_DATA_TOO_LONG', 'VALUE_REFUSED'],
    ['SQLITE_TOOBIG', 'VALUE_REFUSED'],
    ['42501', 'DATABASE_CREDENTIALS_REFUSED'],
    ['25006', 'DATABASE_READ_ONLY'],
    ['ER_OPTION_PREVENTS_STATEMENT', 'DATABASE_READ_ONLY'],
    ['SQLITE_READONLY_DIRECTORY', 'DATABASE_READ_ONLY'],
    ['53100', 'DATABASE_OVERLOADED'],
    ['57014', 'DATABASE_OVERLOADED'],
    ['ER_RECORD_FILE_FULL', 'DATABASE_OVERLOADED'],
    ['SQLITE_IOERR_WRITE', 'DATABASE_OVERLOADED'],
    ['SQLITE_FULL', 'DATABASE_OVERLOADED'],
    ['25P02', 'TRANSACTION_LOST'],
    ['SQLITE_BUSY_SNAPSHOT', 'LOCK_CONFLICT'],
    ['42601', 'DATABASE_ERROR'],
    ['SQLITE_CORRUPT', 'DATABASE_ERROR'],
  ])('%s is %s', (code, expected) => {
    const cause = driverError(code);
    for (const error of [cause, new QueryFailedError('SELECT 1', [], cause)]) {
      const typed = databaseError(error);
      expect(typed).toBeInstanceOf(SignalboxError);
      expect(typed).toMatchObject({ code: expected, cause });
      expect(typed.message).not.toContain('secret-host');
    }
  });

  test.each([
    'Connection terminated unexpectedly',
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Client has encountered a connection error and is not queryable',
  ])('so does one without a code: %s', (message) => {
    expect(databaseError(new Error(message))).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  test('and one for each address that was tried', () => {
    const error = new AggregateError([driverError('ECONNREFUSED'), driverError('ECONNREFUSED')]);
    expect(databaseError(error)).toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  });

  test('a missing table of SQLite has no code of its own', () => {
    expect(
      databaseError(driverError('SQLITE_ERROR', 'no such table: signalbox_journal')),
    ).toMatchObject({ code: 'DATABASE_NOT_MIGRATED' });
  });
});

test('an error of this package passes unchanged', () => {
  const refused = RefusedError.of('UNKNOWN_RESOURCE', 'none');
  const conflict = new ConflictError('REVISION_CONFLICT', 'late');
  expect(databaseError(refused)).toBe(refused);
  expect(databaseError(conflict)).toBe(conflict);
});
