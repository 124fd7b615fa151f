import type { EncodedEvent, Format } from '../formats/format.js';
import type { OutboxRecord } from '../store/store.js';

/**
 * The message of an outbox row: the event that was committed, as `format` writes it. Pure. Throws RefusedError
 * ROUTING_KEY_TOO_LONG.
 */
export function outboxMessage(format: Format, row: OutboxRecord): EncodedEvent {
  const { source, category, type, id, payload } = row;
  const resource = row.resource ?? undefined;
  const uuid = row.uuid ?? undefined;
  return format.encodeText({ id, source, category, type, resource, uuid }, payload);
}
