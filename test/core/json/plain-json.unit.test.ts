import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RefusedError } from '../../../src/core/errors/errors.js';
import {
  assertPayloadSize,
  assertPlainJson,
  encodePlainJson,
  maximumJsonDepth,
  utf8Length,
} from '../../../src/core/json/plain-json.js';

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof RefusedError ? error.code : String(error);
  }
}

const cyclic: Record<string, unknown> = {};
cyclic['self'] = { again: cyclic };

function nested(depth: number): unknown {
  let value: unknown = 'leaf';
  for (let level = 0; level < depth; level += 1) value = { value };
  return value;
}

describe('assertPlainJson', () => {
  it('accepts every value that JSON itself can produce', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: unknown = JSON.parse(text);
        fc.pre(!text.includes('__proto__'));
        expect(codeOf(() => assertPlainJson(value, 'data'))).toBeUndefined();
      }),
    );
  });

  it('accepts the same object twice, as long as it is not inside itself', () => {
    const shared = { a: 1 };
    expect(codeOf(() => assertPlainJson([shared, { shared }], 'data'))).toBeUndefined();
  });

  it.each<[string, unknown, string]>([
    ['undefined', { a: undefined }, 'data.a'],
    ['a hole in an array', [1, , 2], 'data[1]'], // oxlint-disable-line no-sparse-arrays
    ['a function', { a: [() => 1] }, 'data.a[0]'],
    ['a symbol', { a: Symbol('a') }, 'data.a'],
    ['a symbol key', { [Symbol('a')]: 1 }, 'data'],
    ['a bigint', { a: 1n }, 'data.a'],
    ['NaN', { a: Number.NaN }, 'data.a'],
    ['an infinity', { a: -Infinity }, 'data.a'],
    ['a date', { at: new Date(0) }, 'data.at'],
    ['a map', { a: new Map() }, 'data.a'],
    ['a class instance', { a: new (class Machine {})() }, 'data.a'],
    ['a cycle', cyclic, 'data.self.again'],
    ['toJSON', { a: { toJSON: () => 1 } }, 'data.a'],
    ['__proto__', JSON.parse('{"a":{"__proto__":{"admin":true}}}'), 'data.a'],
  ])('refuses %s and names where it is', (_, value, path) => {
    try {
      assertPlainJson(value, 'data');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RefusedError);
      expect((error as RefusedError).code).toBe('PAYLOAD_NOT_JSON');
      expect((error as RefusedError).parameters['path']).toBe(path);
    }
  });

  it('refuses what is nested deeper than the limit, and not what just reaches it', () => {
    expect(codeOf(() => assertPlainJson(nested(maximumJsonDepth), 'data'))).toBeUndefined();
    expect(codeOf(() => assertPlainJson(nested(maximumJsonDepth + 1), 'data'))).toBe(
      'PAYLOAD_NOT_JSON',
    );
  });
});

describe('the size of a payload', () => {
  it('is counted in bytes of UTF-8, as an encoder counts them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(utf8Length(text)).toBe(Buffer.byteLength(text));
      }),
    );
    expect(utf8Length('a\ud800b')).toBe(Buffer.byteLength('a\ud800b'));
  });

  it('is refused just above the limit and accepted at it', () => {
    expect(codeOf(() => assertPayloadSize('éé', 'data', 4))).toBeUndefined();
    expect(codeOf(() => assertPayloadSize('éé', 'data', 3))).toBe('PAYLOAD_TOO_LARGE');
    expect(codeOf(() => encodePlainJson('x'.repeat(256 * 1024), 'data'))).toBe('PAYLOAD_TOO_LARGE');
    expect(encodePlainJson({ a: [1, null] }, 'data')).toBe('{"a":[1,null]}');
  });
});
