import { expect, test } from 'vitest';
import type { JournalEntry } from '../../../src/store/journal-entry.js';
import { entryStatements } from '../../../src/store/mysql/write-statements.js';

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

test.each([
  ['large', 100, 250_000],
  ['small', 1000, 400],
  ['of the largest size', 3, 600_000],
])(
  'entries that are %s are written all, in order, each statement within a packet',
  (_, many, length) => {
    const entries = Array.from({ length: many }, (_one, index) => entry(`e${index}`, length));
    const inserts = entryStatements(entries).filter(({ sql }) => sql.includes('signalbox_journal'));
    const texts = inserts.map(({ values }) => values.filter((value) => typeof value === 'string'));
    expect(texts.flat().filter((text) => /^e\d+$/.test(text))).toEqual(entries.map(({ id }) => id));
    for (const text of texts) {
      expect(text.join('').length).toBeLessThan(Math.max(1_000_000, length * 1.1));
    }
  },
);
