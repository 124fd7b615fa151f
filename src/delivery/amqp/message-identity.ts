import { createHash } from 'node:crypto';
import type { ConsumeMessage } from 'amqplib';

/** Computes the name of a message on first use, and does not retain the message. */
export function lazyIdentity(received: ConsumeMessage): () => string {
  let message: ConsumeMessage | undefined = received;
  let identity = '';
  return () => {
    if (message !== undefined) identity = messageIdentity(message);
    message = undefined;
    return identity;
  };
}

/**
 * Pure. Names a message by its id, routing key and bytes: AMQP has no name that a redelivery keeps. Ids
 * alone would not do, as other publishers may give the same to all.
 */
function messageIdentity({ content, fields, properties }: ConsumeMessage): string {
  const words = [properties.messageId, fields.exchange, fields.routingKey].map(String);
  return createHash('sha256')
    .update(`${words.map((word) => `${word.length} ${word}`).join(' ')} `)
    .update(content)
    .digest('base64url');
}
