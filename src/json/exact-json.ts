/**
 * Pure. The value of a JSON document in UTF-8. Throws SyntaxError for bytes that are no JSON (`NaN` is
 * none), and for a number that would not arrive as it was written: an integer beyond 2^53, or one that
 * is too large altogether. `JSON.parse` would round the first and make Infinity of the second.
 */
export function parseExactJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SyntaxError('The body is not UTF-8.', { cause });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    // The parser's own message quotes the text, which may be anybody's secret.
    throw new SyntaxError('The body is not JSON.', { cause });
  }
  assertExactNumbers(text);
  return value;
}

/**
 * Pure. Throws SyntaxError when a JSON text, which must be valid, holds a number that JavaScript would
 * change: an integer beyond 2^53, or one beyond 1.8e308. Fractions are rounded, as everywhere.
 */
export function assertExactNumbers(text: string): void {
  if (!suspicious.test(text)) return;
  for (const piece of outsideStrings(text)) {
    for (const [token] of piece.matchAll(numbers)) {
      const value = Number(token);
      const exact = /[.eE]/.test(token) ? Number.isFinite(value) : Number.isSafeInteger(value);
      if (!exact) {
        throw new SyntaxError(`The number ${token.slice(0, 40)} is too large to be read exactly.`);
      }
    }
  }
}

/** No number with fewer digits and without an exponent can be changed. */
const suspicious = /\d{16}|\d[eE]/;

const numbers = /-?\d[\d.eE+-]*/g;

/** The parts of a valid JSON text between its strings. No regular expression: a string may be huge. */
function* outsideStrings(text: string): Generator<string> {
  let at = 0;
  for (;;) {
    const start = text.indexOf('"', at);
    if (start === -1) break;
    yield text.slice(at, start);
    let end = text.indexOf('"', start + 1);
    while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
    at = end + 1;
  }
  yield text.slice(at);
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}
