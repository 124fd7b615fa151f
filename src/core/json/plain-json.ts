import { RefusedError } from '../errors/errors.js';
import type { JsonValue } from './json.js';

/** The deepest nesting that is accepted: deeper values are a mistake or an attack on the parser. */
export const maximumJsonDepth = 64;

/** The largest event payload in bytes of UTF-8, unless configured: 256 KiB. */
export const defaultPayloadLimit = 256 * 1024;

/**
 * Pure. Throws RefusedError PAYLOAD_NOT_JSON, naming the property, when `value` would not survive a
 * round trip through JSON unchanged: undefined, functions, symbols, bigints, NaN and infinities,
 * cycles, dates, maps and other class instances, holes in arrays, keys named `__proto__`, and nesting
 * deeper than 64.
 *
 * @param path how the value is called in the message, such as `data`
 */
export function assertPlainJson(value: unknown, path: string): asserts value is JsonValue {
  visit(value, path, []);
}

/**
 * Pure. The JSON text of `value`, checked by `assertPlainJson` and by size: throws RefusedError
 * PAYLOAD_NOT_JSON or PAYLOAD_TOO_LARGE.
 *
 * @param limit bytes of UTF-8; default 256 KiB
 */
export function encodePlainJson(value: unknown, path: string, limit = defaultPayloadLimit): string {
  assertPlainJson(value, path);
  const text = JSON.stringify(value);
  assertPayloadSize(text, path, limit);
  return text;
}

/** Pure. Throws RefusedError PAYLOAD_TOO_LARGE when `text` takes more than `limit` bytes of UTF-8. */
export function assertPayloadSize(text: string, path: string, limit = defaultPayloadLimit): void {
  // No character takes more than three bytes for each UTF-16 unit, so most texts need no count.
  if (text.length * 3 <= limit) return;
  const bytes = utf8Length(text);
  if (bytes > limit) {
    throw RefusedError.of(
      'PAYLOAD_TOO_LARGE',
      `${path} takes ${bytes} bytes, more than the limit of ${limit}. Store the bulk elsewhere and announce a reference to it.`,
      { path, bytes, limit },
    );
  }
}

/** Pure. The bytes that `text` takes as UTF-8; a lone surrogate counts as the replacement character. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      bytes += 1;
      continue;
    }
    bytes += 2;
    const next = text.charCodeAt(index + 1);
    const pair = unit >= 0xd800 && unit < 0xdc00 && next >= 0xdc00 && next < 0xe000;
    if (pair) index += 1;
  }
  return bytes;
}

function visit(value: unknown, path: string, ancestors: object[]): void {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) refuse(path, String(value));
      return;
    case 'object':
      if (value !== null) visitObject(value, path, ancestors);
      return;
    default:
      refuse(path, typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`);
  }
}

function visitObject(value: object, path: string, ancestors: object[]): void {
  if (ancestors.includes(value)) refuse(path, 'a cycle');
  if (ancestors.length >= maximumJsonDepth) refuse(path, `nested deeper than ${maximumJsonDepth}`);
  ancestors.push(value);
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      visit(value[index], `${path}[${index}]`, ancestors);
    }
  } else {
    visitProperties(value, path, ancestors);
  }
  ancestors.pop();
}

function visitProperties(value: object, path: string, ancestors: object[]): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object from another realm (a worker, a vm context) has that realm's Object.prototype: it is
  // plain too, and known by having no prototype above its own.
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!plain) refuse(path, `an instance of ${value.constructor?.name ?? 'a class'}`);
  if ('toJSON' in value && typeof value.toJSON === 'function')
    refuse(path, 'an object with toJSON');
  if (Object.getOwnPropertySymbols(value).length > 0) refuse(path, 'an object with symbol keys');
  for (const key of Object.keys(value)) {
    if (key === '__proto__') refuse(path, 'an object with the key __proto__');
    visit((value as Record<string, unknown>)[key], `${path}.${key}`, ancestors);
  }
}

function refuse(path: string, found: string): never {
  throw RefusedError.of(
    'PAYLOAD_NOT_JSON',
    `${path} is not plain JSON: it is ${found}. Pass strings, finite numbers, booleans, null, arrays and plain objects.`,
    { path, found },
  );
}
