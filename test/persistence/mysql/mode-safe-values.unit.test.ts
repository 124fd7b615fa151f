import fc from 'fast-check';
import { format } from 'mysql2';
import { expect, test } from 'vitest';
import { modeSafe } from '../../../src/persistence/mysql/mode-safe-values.js';

class Money {
  readonly currency: string;

  constructor(currency: string) {
    this.currency = currency;
  }

  toString(): string {
    return this.currency;
  }
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom("'", '\\', "\\'", '"', '\0', '\n', "it's", "\\' OR 1=1 -- "),
);
const scalar = fc.oneof(
  text,
  fc.integer(),
  fc.bigInt(),
  fc.boolean(),
  fc.constant(null),
  fc.constant(undefined),
  fc.date({ noInvalidDate: false }),
  fc.uint8Array().map((bytes) => Buffer.from(bytes)),
);
// The driver itself fails on an object that cannot be made a text.
const key = text.filter((each) => each !== 'toString' && each !== 'valueOf');
const value = fc.oneof(
  scalar,
  text.map((each) => new Money(each)),
  text.map(Symbol),
  text.map((each) => Object.assign(() => each, { toString: () => each })),
  fc.array(fc.oneof(scalar, fc.array(scalar))),
  fc.array(scalar).map((each) => new Set(each)),
  fc.dictionary(key, scalar, { noNullPrototype: true }),
  fc
    .dictionary(text, scalar, { noNullPrototype: true })
    .map((each) => new Map(Object.entries(each))),
);

/** Texts of a statement as a server reads them that takes a backslash for a plain character. */
const literals = /'(?:[^']|'')*'|`(?:[^`]|``)*`/g;

test.each([true, undefined])(
  'no value of any kind is written with a backslash, or ends its literal (stringifyObjects %s)',
  (stringifyObjects) => {
    fc.assert(
      fc.property(value, (each) => {
        for (const sql of ['SELECT (?)', 'UPDATE t SET ?']) {
          const written = format(sql, [modeSafe(each) as string], stringifyObjects, 'Z');
          // Names of columns are between backticks, where no mode knows an escape.
          expect(written.replaceAll(/`(?:[^`]|``)*`/g, '')).not.toContain('\\');
          const rest = written.replaceAll(literals, '');
          expect(rest).toMatch(/^[\w\s(),=.+-]*$/);
        }
      }),
      { numRuns: 2_000 },
    );
  },
);

test('what the driver would not escape is left as it is', () => {
  const date = new Date();
  for (const each of ['plain', 'é💥', 7, 7n, true, null, undefined, date]) {
    expect(modeSafe(each)).toBe(each);
  }
});
