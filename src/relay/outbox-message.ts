import { routingKey } from '../events/routing-key.js';
import type { EncodedEvent, Format } from '../formats/format.js';
import type { OutboxRecord } from '../store/store.js';

/**
 * The message of an outbox row: the text that was committed, byte for byte. Pure. Throws RefusedError
 * ROUTING_KEY_TOO_LONG.
 */
export function outboxMessage(format: Format, row: OutboxRecord): EncodedEvent {
  const { source, category, type, id, payload } = row;
  const resource = row.resource ?? undefined;
  const uuid = row.uuid ?? undefined;
  const key = routingKey({ source, category, type, resource, uuid });
  return format.encodeText({ key, id, partitionKey: uuid }, payload);
}
