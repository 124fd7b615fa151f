import { expect, test } from 'vitest';
import { levelOf, logRecord } from '../../src/cli/log-record.js';

test('a line is one JSON object with time and level, without passwords', () => {
  const line = logRecord(
    '2026-01-01T00:00:00.000Z',
    'warn',
    'the database is away:\namqp://user:canary@host',
    { notice: 'databaseUnavailable' },
  );
  expect(line).not.toContain('\n');
  expect(JSON.parse(line)).toEqual({
    time: '2026-01-01T00:00:00.000Z',
    level: 'warn',
    message: 'the database is away:\namqp://user:***@host',
    notice: 'databaseUnavailable',
  });
});

test('what somebody must do something about is an error, what passes a warning', () => {
  expect(levelOf({ kind: 'parked', bus: 'b', position: 1, id: 'i', reason: 'r' })).toBe('error');
  expect(levelOf({ kind: 'databaseUnavailable', error: new Error('away') })).toBe('warn');
  expect(levelOf({ kind: 'caughtUp' })).toBe('info');
});
