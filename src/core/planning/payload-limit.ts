import { RefusedError } from '../errors/errors.js';
import type { JournalEntry } from './journal-entry.js';

/** Refuses events that are larger than the limit, before any is written. Throws PAYLOAD_TOO_LARGE. */
export function refuseOversized(entries: readonly JournalEntry[], limit: number): void {
  for (const { payload, category, type, resource, uuid } of entries) {
    // A character takes three bytes at the most, so that few payloads need counting.
    const size = payload.length * 3 <= limit ? 0 : Buffer.byteLength(payload);
    if (size > limit) {
      throw RefusedError.of(
        'PAYLOAD_TOO_LARGE',
        `The ${category} ${type} of ${resource ?? 'no resource'} ${uuid ?? ''} is ${size} bytes, over the ` +
          `limit of ${limit}. Shorten the reason, and refer to the bulk instead.`,
        { category, type, resource, uuid, size, limit },
      );
    }
  }
}
