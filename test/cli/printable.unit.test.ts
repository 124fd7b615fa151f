import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable, printableLines } from '../../src/cli/printable.js';

test('what moves a cursor, retitles a window or turns the text around is shown as its escape', () => {
  expect(printable('a\u001b[2Kb\u0007c\r\nd\u009be\u202ef')).toBe(
    'a\\u001b[2Kb\\u0007c\\u000d\\u000ad\\u009be\\u202ef',
  );
});

test('lines stay lines where they are meant', () => {
  expect(printableLines('a\nb\u001bc')).toBe('a\nb\\u001bc');
});

test('no control character is left of any text, and text without any is unchanged', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = printable(text);
      expect(shown).not.toMatch(/\p{Cc}/u);
      if (!/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(text)) expect(shown).toBe(text);
    }),
  );
});
