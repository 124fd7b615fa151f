import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseProperties } from '../../../src/delivery/kafka/properties.js';

const read = (text: string): Record<string, string> => Object.fromEntries(parseProperties(text));

describe('a Java properties file', () => {
  it.each([
    ['a=b', { a: 'b' }],
    ['a = b c ', { a: 'b c ' }],
    ['a:b', { a: 'b' }],
    ['a b', { a: 'b' }],
    ['  a   =   b', { a: 'b' }],
    ['a', { a: '' }],
    ['a=', { a: '' }],
    ['a==b', { a: '=b' }],
    ['# a=b\n! c=d\n\n e=f', { e: 'f' }],
    ['a=b\r\nc=d\re=f', { a: 'b', c: 'd', e: 'f' }],
    ['a=b\\\n   c', { a: 'bc' }],
    ['a=b\\\n# no comment', { a: 'b# no comment' }],
    ['a=b\\\\\nc=d', { a: 'b\\', c: 'd' }],
    ['a\\ b\\=c\\:d=e', { 'a b=c:d': 'e' }],
    ['a=\\t\\u00fc\\n\\x', { a: '\tü\nx' }],
    ['a=1\na=2', { a: '2' }],
    ['a=b\\', { a: 'b' }],
  ])('%j', (text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  it('refuses a malformed escape', () => {
    expect(() => read('a=\\u12')).toThrow(
      expect.objectContaining({ code: 'CONFIG_FILE_INVALID' }) as Error,
    );
  });

  it('gives back what java.util.Properties.store would write', () => {
    const entries = fc.dictionary(fc.string({ minLength: 1 }), fc.string(), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(entries, (properties) => {
        const lines = Object.entries(properties).map(
          ([key, value]) => `${stored(key, true)}=${stored(value, false)}`,
        );
        expect(parseProperties(lines.join('\n'))).toEqual(new Map(Object.entries(properties)));
      }),
    );
  });
});

/** As `saveConvert` of the JDK does. */
function stored(text: string, isKey: boolean): string {
  return text
    .split('')
    .map((unit, index) => {
      if (unit === ' ') return isKey || index === 0 ? '\\ ' : ' ';
      const escape = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\f': '\\f' }[unit];
      if (escape !== undefined) return escape;
      if ('\\=:#!'.includes(unit)) return `\\${unit}`;
      const code = unit.charCodeAt(0);
      if (code >= 0x20 && code <= 0x7e) return unit;
      return `\\u${code.toString(16).padStart(4, '0')}`;
    })
    .join('');
}
