import type { JsonValue } from './json.js';
import { assertPlainJson } from './plain-json.js';

/**
 * Pure. The plain JSON value that bytes hold. Throws Error, saying what is wrong and never what they
 * hold, for bytes that are not UTF-8, no JSON, or nested deeper than 64.
 */
export function decodePlainJson(body: Uint8Array): JsonValue {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new Error('the body is not UTF-8');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('the body is not JSON');
  }
  assertPlainJson(value, 'the body');
  return value;
}
