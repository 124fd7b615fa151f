import type { EncodedEvent, Format } from '../formats/format.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';

/**
 * The message of a row of journal or outbox: the event that was committed, as `format` writes it. Pure. Throws RefusedError
 * ROUTING_KEY_TOO_LONG.
 */
export function outboxMessage(
  format: Format,
  row: Omit<JournalEntry, 'revision' | 'time'>,
): EncodedEvent {
  const { source, category, type, id, payload } = row;
  const resource = row.resource ?? undefined;
  const uuid = row.uuid ?? undefined;
  return format.encodeText({ id, source, category, type, resource, uuid }, payload);
}
