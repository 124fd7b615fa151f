import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeadLetter } from '../../../src/delivery/bus/bus.js';
import { deadLetterCause } from '../../../src/delivery/bus/dead-letter-cause.js';
import { DeadLetterError } from '../../../src/delivery/bus/dead-letter-error.js';
import {
  groupDeadLetters,
  reasonPattern,
  selects,
} from '../../../src/delivery/bus/dead-letter-groups.js';
import { message } from '../../../src/testing/bus-conformance/recorder.js';

function letter(reason: string, id = 'm', time = '2026-01-01T00:00:00.000Z'): DeadLetter {
  return { message: message('k', { id }), pool: 'p', reason, attempts: 1, time, origin: {} };
}

describe('the pattern of a reason', () => {
  it('takes the reason that it was made of, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (reason) => {
        expect(selects({ reason: reasonPattern(reason) }, letter(reason))).toBe(true);
      }),
    );
  });

  it('is one for all messages of one cause', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), fc.nat(), fc.nat(), (one, other, n, m) => {
        const reason = (uuid: string, count: number) =>
          `failed after ${count} tries: volume ${uuid} is ${count}/${count}.5 GiB`;
        expect(reasonPattern(reason(one, n))).toBe(reasonPattern(reason(other, m)));
        expect(selects({ reason: reasonPattern(reason(one, n)) }, letter(reason(other, m)))).toBe(
          true,
        );
      }),
    );
    expect(reasonPattern('failed after 5 tries: no volume 7')).toBe(
      'failed after * tries: no volume *',
    );
  });

  it.each([
    ['a*c', 'abc', true],
    ['a*c', 'ac', true],
    ['a*c', 'abcd', false],
    ['*', '', true],
    ['ab*ba', 'aba', false],
    ['*b*b*', 'ab', false],
    ['a.c', 'abc', false],
    ['', '', true],
    ['', 'a', false],
    ['line*end', 'line\none\nend', true],
  ])('%j takes %j: %s', (pattern, reason, taken) => {
    expect(selects({ reason: pattern }, letter(reason))).toBe(taken);
  });

  it('takes no long time, however many stars it has', () => {
    const reason = 'a'.repeat(20_000);
    expect(selects({ reason: `${'*a'.repeat(5_000)}*b` }, letter(reason))).toBe(false);
  });
});

describe('groups of dead letters', () => {
  it('count each once, the largest first, with the first and last time and the eldest as sample', () => {
    const letters = [
      letter('odd', 'o', '2026-01-03'),
      letter('no volume 1', 'a', '2026-01-02'),
      letter('no volume 2', 'b', '2026-01-01'),
      letter('no volume 33', 'c', '2026-01-04'),
    ];
    expect(groupDeadLetters(letters)).toEqual([
      { reason: 'no volume *', count: 3, first: '2026-01-01', last: '2026-01-04', sample: 'a' },
      { reason: 'odd', count: 1, first: '2026-01-03', last: '2026-01-03', sample: 'o' },
    ]);
    expect(groupDeadLetters([])).toEqual([]);
  });
});

describe('what a dead letter keeps of an error', () => {
  it('is name, message and code, of the cause where poison has one', () => {
    const away = Object.assign(new Error('no host'), { code: 'ENOTFOUND', password: 'S3CRET' });
    expect(deadLetterCause(away)).toEqual({ name: 'Error', message: 'no host', code: 'ENOTFOUND' });
    expect(deadLetterCause(new DeadLetterError('poison', { cause: away }))).toEqual(
      deadLetterCause(away),
    );
    expect(deadLetterCause(new DeadLetterError('poison'))).toEqual({
      name: 'DeadLetterError',
      message: 'poison',
    });
  });
});
