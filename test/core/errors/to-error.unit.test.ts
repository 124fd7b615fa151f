import fc from 'fast-check';
import { expect, test } from 'vitest';
import { messageOf, toError } from '../../../src/core/errors/to-error.js';

test('whatever is thrown becomes an Error with its text, and an Error stays itself', () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withSparseArray: true }), (thrown) => {
      const error = toError(thrown);
      expect(error).toBeInstanceOf(Error);
      expect(messageOf(thrown)).toBe(error.message);
      expect(error.cause).toBe(thrown);
    }),
  );
  const error = new TypeError('no');
  expect(toError(error)).toBe(error);
  expect(messageOf(error)).toBe('no');
});
