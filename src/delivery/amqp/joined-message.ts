import type { ConsumeMessage } from 'amqplib';
import { RefusedError } from '../../core/errors/errors.js';
import { messageOf } from '../../core/errors/to-error.js';
import { oversized } from '../bus/max-incoming.js';
import { DeadLetterError } from '../bus/dead-letter-error.js';
import type { ConsumerPoolSettings } from './consumer-pool.js';
import { readPoolMessage, type PoolMessage } from './pool-message.js';
import { readMessage } from './wire.js';

/** A message of a pool on its way to the callback. */
export interface JoinedMessage {
  readonly id: string;
  readonly partitionKey?: string;
  readonly message: PoolMessage;
  /** The decoded body. Throws DeadLetterError when it could not be decoded. */
  readonly body: () => unknown;
}

/** Decodes a message when it arrives: what its order is kept for may be a part of its body. */
export function receive(
  received: ConsumeMessage,
  settings: Pick<ConsumerPoolSettings, 'decode' | 'partitionKey' | 'handling'>,
  deadLetterExchange: string,
): JoinedMessage {
  const message = readPoolMessage(received, deadLetterExchange);
  const { id, partitionKey: ours } = readMessage(received, deadLetterExchange);
  try {
    const refused = oversized(received.content.length, settings.handling.maxIncoming);
    if (refused !== undefined) throw refused.error;
    const body = settings.decode(message);
    const key = settings.partitionKey === undefined ? ours : settings.partitionKey(body, message);
    return {
      id,
      message,
      body: () => body,
      ...(key === undefined ? {} : { partitionKey: key }),
    };
  } catch (cause) {
    const error = new DeadLetterError(reasonOf(cause), { cause });
    return {
      id,
      message,
      body: () => {
        throw error;
      },
      ...(ours === undefined ? {} : { partitionKey: ours }),
    };
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof RefusedError) return cause.message;
  return `the message cannot be decoded: ${messageOf(cause)}`;
}
