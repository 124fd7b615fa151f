import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { largestJsonText, parseJson } from '../../../src/core/json/parse-json.js';

describe('a JSON text of somebody else', () => {
  it('is read exactly, whatever JavaScript wrote', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        if (text.includes('"__proto__":')) return;
        expect(JSON.stringify(parseJson(text, 'body'))).toBe(text);
        expect(parseJson(Buffer.from(text), 'body')).toEqual(JSON.parse(text));
      }),
    );
  });

  it('is refused for a whole number that would be rounded, and for no other', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (number) => {
        const read = (): unknown => parseJson(`{"a":[${number}],"b":"${number}"}`, 'body');
        const kept = String(Number(number)) === String(number);
        if (kept) expect(read()).toEqual({ a: [Number(number)], b: String(number) });
        else expect(read).toThrow(`the number ${number}`);
      }),
    );
  });

  it.each([
    ['NaN', '{"a": NaN}', /NaN/],
    ['Infinity', '[1,-Infinity]', /-Infinity/],
    ['a number beyond doubles', '[1e999]', /Infinity/],
    ['a name in a string only', '{"a":"NaN",}', /not JSON/],
    ['a quote in a string', String.raw`{"a":"\"NaN", "b":NaN}`, /NaN/],
    ['nothing', '', /not JSON/],
    ['a key __proto__', '{"a":{"__proto__":{"admin":true}}}', /__proto__/],
    ['a hidden key __proto__', '{"\\u005f_proto__":1}', /__proto__/],
    ['nesting that is too deep', `${'['.repeat(65)}${']'.repeat(65)}`, /deeper than 64/],
    ['nesting without end', '['.repeat(1_000_000), /not JSON/],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), /UTF-8/],
  ])('is refused for %s', (_, text, reason) => {
    expect(() => parseJson(text, 'body')).toThrow(reason);
  });

  it('is refused when it is larger than a broker takes', () => {
    expect(() => parseJson(new Uint8Array(largestJsonText + 1), 'body')).toThrow(/16777217 bytes/);
  });
});
