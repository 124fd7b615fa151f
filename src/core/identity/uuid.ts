import { RefusedError } from '../errors/errors.js';

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The uuid in lower case. Pure. Throws RefusedError MALFORMED_UUID for anything else. */
export function canonicalUuid(text: string): string {
  if (typeof text !== 'string' || !pattern.test(text)) {
    throw RefusedError.of(
      'MALFORMED_UUID',
      `'${String(text).slice(0, 64)}' is not a uuid. Pass 8-4-4-4-12 hexadecimal digits.`,
      { uuid: String(text).slice(0, 64) },
    );
  }
  return text.toLowerCase();
}
