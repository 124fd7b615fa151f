import { RefusedError } from '../errors/errors.js';
import { clipped } from '../errors/clipped.js';
import type { JsonValue } from './json.js';
import { assertPlainJson } from './plain-json.js';

/** The longest JSON text that is read, in bytes: what RabbitMQ 4 takes for a message unless configured. */
export const largestJsonText = 16 * 1024 * 1024;

/**
 * Pure. The value of a JSON text that somebody else wrote, exactly as it was meant or not at all.
 * Throws RefusedError PAYLOAD_NOT_JSON, with the reason, for what is no UTF-8 or no JSON, for `NaN` and
 * `Infinity`, which Python writes, for a whole number that JavaScript would round (beyond 2^53), for a
 * key `__proto__`, and for nesting deeper than 64; PAYLOAD_TOO_LARGE over the limit.
 *
 * @param path how the value is called in the message, such as `body`
 * @param limit bytes; default 16 MiB
 */
export function parseJson(
  source: Uint8Array | string,
  path: string,
  limit = largestJsonText,
): JsonValue {
  if (source.length > limit) {
    throw RefusedError.of(
      'PAYLOAD_TOO_LARGE',
      `${path} takes ${source.length} bytes, more than the ${limit} that are read.`,
      { path, bytes: source.length, limit },
    );
  }
  const text = typeof source === 'string' ? source : decodeUtf8(source, path);
  const value = parse(text, path);
  const rounded = mayRound.test(text) ? roundedNumber(text) : undefined;
  if (rounded !== undefined) {
    refuse(
      path,
      `it holds the number ${clipped(rounded)}, which JavaScript cannot hold without rounding it`,
    );
  }
  assertPlainJson(value, path);
  return value;
}

function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse(path, 'it is not UTF-8');
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const name = findOutsideStrings(text, (token) => noNumbers.has(token));
    return refuse(path, name === undefined ? 'it is not JSON' : `it holds ${name}`);
  }
}

const noNumbers: ReadonlySet<string> = new Set(['NaN', '-NaN', 'Infinity', '-Infinity']);

/** Most texts hold no number of sixteen digits, and need no second look. */
const mayRound = /\d{16}/;

/** The first whole number whose digits a double does not give back. */
function roundedNumber(text: string): string | undefined {
  return findOutsideStrings(text, isRounded);
}

/** No double has more digits than this before its point, and no sign. */
const mostDigits = 310;

/** Nothing that backtracks, and no conversion of what cannot fit: the token may have millions of digits. */
function isRounded(token: string): boolean {
  if (token.length < 16 || /[^\d-]/.test(token)) return false;
  return token.length > mostDigits || String(Number(token)) !== token;
}

/**
 * The first number or name of a JSON text that is wanted. Its strings are passed over, whatever they
 * hold. One look at each character: a text of 16 MiB may be made to hold up the process.
 */
function findOutsideStrings(
  text: string,
  isWanted: (token: string) => boolean,
): string | undefined {
  let start = -1;
  for (let index = 0; index <= text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (isOfToken(code)) {
      if (start === -1) start = index;
      continue;
    }
    if (start !== -1 && index - start > 2) {
      const token = text.slice(start, index);
      if (isWanted(token)) return token;
    }
    start = -1;
    if (code === quote) index = endOfString(text, index);
  }
  return undefined;
}

const quote = 0x22;
const backslash = 0x5c;

/** Digits, letters and `_+-.`; not the end of the text, which has no code. */
function isOfToken(code: number): boolean {
  if (code < 0x30) return code === 0x2b || code === 0x2d || code === 0x2e;
  if (code <= 0x39) return true;
  const letter = code | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || code === 0x5f;
}

function endOfString(text: string, open: number): number {
  let index = open + 1;
  for (let code = text.charCodeAt(index); index < text.length && code !== quote;) {
    index += code === backslash ? 2 : 1;
    code = text.charCodeAt(index);
  }
  return index;
}

function refuse(path: string, found: string): never {
  throw RefusedError.of('PAYLOAD_NOT_JSON', `${path} cannot be read: ${found}.`, { path, found });
}
