import { describe, expect, test } from 'vitest';
import type { JournalEntry } from '../../../src/core/planning/journal-entry.js';
import type { LaterStatement, Statement } from '../../../src/persistence/mysql/statement.js';
import { entryStatements } from '../../../src/persistence/mysql/write-statements.js';

const entry = (id: string, length: number): JournalEntry => ({
  id,
  source: 'test',
  category: 'UsageEvent',
  type: 'VM.START',
  resource: null,
  uuid: null,
  revision: null,
  time: '2026-01-01T00:00:00.000Z',
  payload: 'x'.repeat(length),
});

const isLater = (each: Statement | LaterStatement): each is LaterStatement =>
  typeof each === 'function';
const isNow = (each: Statement | LaterStatement): each is Statement => !isLater(each);

describe.each([false, true])('with prepared statements %s', (prepares) => {
  test.each([
    ['large', 100, 250_000],
    ['small', 1000, 400],
    ['of the largest size', 3, 600_000],
  ])(
    'entries that are %s are written all, in order, each statement within a packet',
    (_, many, length) => {
      const entries = Array.from({ length: many }, (_one, index) => entry(`e${index}`, length));
      const inserts = entryStatements(entries, prepares)
        .filter(isNow)
        .filter(({ sql }) => sql.includes('signalbox_journal'));
      const texts = inserts.map(({ values }) =>
        values.filter((value) => typeof value === 'string'),
      );
      expect(texts.flat().filter((text) => /^e\d+$/.test(text))).toEqual(
        entries.map(({ id }) => id),
      );
      for (const text of texts) {
        expect(text.join('').length).toBeLessThan(Math.max(1_000_000, length * 1.1));
      }
    },
  );
});

test('prepared statements are of few texts, come first, and each has its outbox rows', () => {
  const many = [1, 31, 32, 33, 100, 128, 199, 200, 1000];
  const texts = new Set<string>();
  for (const length of many) {
    const entries = Array.from({ length }, (_, index) => entry(`e${index}`, 100));
    const statements = entryStatements(entries, true);
    const prepared = statements.filter((each) => 'prepared' in each) as Statement[];
    prepared.forEach(({ sql }) => texts.add(sql));
    expect(statements.slice(0, prepared.length)).toEqual(prepared);
    expect(prepared.length > 0).toBe(length >= 32);
    const numbers = prepared.map((_, index) => String((index + 1) * 1_000_000));
    const outbox = statements
      .map((each) => (isLater(each) ? each(numbers) : each))
      .filter(({ sql }) => sql.includes('signalbox_outbox'));
    expect(outbox.flatMap(({ sql }) => sql.match(/@@auto/g) ?? [])).toHaveLength(length);
    for (const first of numbers) {
      expect(outbox.some(({ sql }) => sql.includes(`(${first} + 0 * `))).toBe(true);
    }
  }
  expect(texts.size).toBe(3);
});
