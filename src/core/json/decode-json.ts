import { RefusedError } from '../errors/errors.js';
import type { JsonValue } from './json.js';
import { parseJson } from './parse-json.js';

/**
 * Pure. What `parseJson` gives for a body of any size, for callers that put the reason into a sentence of
 * their own: throws Error, whose message has no full stop, for bytes that `parseJson` refuses.
 */
export function decodePlainJson(body: Uint8Array): JsonValue {
  try {
    return parseJson(body, 'the body', Number.POSITIVE_INFINITY);
  } catch (cause) {
    if (!(cause instanceof RefusedError)) throw cause;
    throw new Error(cause.message.replace(/\.$/, ''), { cause });
  }
}
