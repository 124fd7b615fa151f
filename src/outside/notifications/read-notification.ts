import { readEnvelope } from '../../delivery/formats/oslo/envelope.js';
import type { ReceivedNotification } from '../../delivery/formats/oslo/notification.js';

/** The parts of a message that a notification is read from; a message of a consumer pool has them. */
export interface NotificationMessage {
  readonly bytes: Uint8Array;
  readonly contentType?: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

/**
 * Pure. The notification of a message of oslo.messaging's, in its envelope or without one. Give it to a
 * consumer pool as `decode`; what it throws is why the message is dead-lettered: RefusedError
 * EVENT_INVALID for whatever oslo.messaging would drop, pass over or round.
 *
 * @example
 * await bus.joinConsumerPool(
 *   { pool: 'audit', topic: 'notifications.*', exchange: osloExchange('nova'), decode: readNotification },
 *   (notification) => console.log(fromOslo(notification as ReceivedNotification)),
 * );
 */
export function readNotification({
  bytes,
  contentType = '',
  headers,
}: NotificationMessage): ReceivedNotification {
  const { compression } = headers;
  return readEnvelope({
    contentType,
    // Whatever else it may be is no name of a compression.
    headers:
      compression === undefined
        ? {}
        : { compression: typeof compression === 'string' ? compression : '?' },
    body: bytes,
  });
}
