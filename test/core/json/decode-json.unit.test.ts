import { expect, it } from 'vitest';
import { decodePlainJson } from '../../../src/core/json/decode-json.js';
import { largestJsonText } from '../../../src/core/json/parse-json.js';

it('a body is read exactly or not at all, as everywhere', () => {
  expect(decodePlainJson(Buffer.from('{"a":[1,null]}'))).toEqual({ a: [1, null] });
  expect(() => decodePlainJson(Buffer.from('{"a":9007199254740993}'))).toThrow(
    /9007199254740993, which JavaScript cannot hold without rounding it$/,
  );
});

it('a body may be as large as the transport brought', () => {
  const text = 'x'.repeat(largestJsonText);
  expect(decodePlainJson(Buffer.from(`"${text}"`)) === text).toBe(true);
});
