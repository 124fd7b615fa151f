import { QueryFailedError } from 'typeorm';
import { describe, expect, it } from 'vitest';
import {
  ConfigurationError,
  ConflictError,
  RefusedError,
  UnavailableError,
} from '../../../src/core/errors/errors.js';
import { isUnavailable } from '../../../src/delivery/bus/unavailable.js';

const coded = (code: string, message = 'x') => Object.assign(new Error(message), { code });
const wrapped = (cause: unknown) => new Error('could not load', { cause });

describe('the class of a handler’s error', () => {
  it.each<[string, unknown]>([
    ['an UnavailableError', new UnavailableError('DATABASE_UNAVAILABLE', 'x')],
    ['an own error that says so', Object.assign(new Error('x'), { retryable: true })],
    ['a refused connection', coded('ECONNREFUSED')],
    ['fetch without a server', new TypeError('fetch failed', { cause: coded('ECONNREFUSED') })],
    ['both addresses of a host refused', new AggregateError([coded('ECONNREFUSED')])],
    ['PostgreSQL that shuts down', new QueryFailedError('SELECT 1', [], coded('57P01'))],
    ['a broken connection of PostgreSQL', coded('08006')],
    ['pg without a code', new Error('Connection terminated unexpectedly')],
    ['MySQL that is gone', new QueryFailedError('SELECT 1', [], coded('PROTOCOL_CONNECTION_LOST'))],
    ['an answer 503', Object.assign(new Error('x'), { status: 503 })],
    ['any of them as a cause', wrapped(wrapped(coded('ETIMEDOUT')))],
  ])('is unavailable: %s', (_, error) => {
    expect(isUnavailable(error)).toBe(true);
  });

  const loop = new Error('x');
  loop.cause = loop;
  it.each<[string, unknown]>([
    ['any other error', new Error('x')],
    ['no error', undefined],
    ['a text', 'ECONNREFUSED'],
    ['a refusal', RefusedError.of('UNKNOWN_RESOURCE', 'x')],
    ['a conflict', new ConflictError('LOCK_CONFLICT', 'x')],
    [
      'a wrong set-up, whatever its cause',
      new ConfigurationError('DATABASE_NOT_MIGRATED', 'x', { cause: coded('ECONNREFUSED') }),
    ],
    ['an own error that says no', Object.assign(coded('ECONNREFUSED'), { retryable: false })],
    ['a name that does not exist', coded('ENOTFOUND')],
    ['a duplicate', new QueryFailedError('INSERT', [], coded('23505'))],
    ['an answer 404', Object.assign(new Error('x'), { status: 404 })],
    ['a cause that is its own', loop],
  ])('is not: %s', (_, error) => {
    expect(isUnavailable(error)).toBe(false);
  });
});
