import { RefusedError } from '../../core/errors/errors.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import { parseRoutingKey, routingWordsOf } from '../../core/events/routing-key.js';
import type { Format } from '../formats/format.js';
import type { Delivery } from './bus.js';
import { DeadLetterError } from './dead-letter-error.js';
import { TopicTrie } from '../topic/topic-trie.js';

/** Reads the events of a subscription, whatever format they come in. */
export interface EventReader {
  /** What to bind on the bus. */
  readonly patterns: readonly string[];
  /**
   * Resolves with the event of a message, or undefined for one that was not asked for, which the
   * bindings of a foreign format may let through. Rejects with DeadLetterError, with the reason, for
   * what is no event.
   */
  read(delivery: Delivery): Promise<SignalboxEvent | undefined>;
}

/** Pure. A reader for the events whose routing keys match any of `patterns`. */
export function eventReader(format: Format, patterns: readonly string[]): EventReader {
  if (format.bindings === undefined) {
    return {
      patterns,
      read: async (delivery) => heldToItsKey(await decode(format, delivery), delivery.key),
    };
  }
  const asked = new TopicTrie<true>();
  for (const pattern of patterns) asked.add(pattern, true);
  return {
    patterns: format.bindings(patterns),
    async read(delivery) {
      const event = await decode(format, delivery);
      return asked.match(routingWordsOf(event)).size > 0 ? event : undefined;
    },
  };
}

async function decode(format: Format, delivery: Delivery): Promise<SignalboxEvent> {
  const { key, id, headers, contentType, body } = delivery;
  const receivedAt = new Date().toISOString();
  try {
    return await format.decode({ key, id, headers, contentType, body, receivedAt });
  } catch (cause) {
    const reason = cause instanceof RefusedError ? cause.message : 'The message cannot be decoded.';
    throw new DeadLetterError(reason, { cause });
  }
}

function heldToItsKey(event: SignalboxEvent, key: string): SignalboxEvent {
  // What the bindings let through is judged by the key: a body of another category is a forgery.
  if (parseRoutingKey(key)?.category === event.category) return event;
  throw new DeadLetterError(
    `The routing key ${key} is no ${event.category}'s, but the message is one.`,
  );
}
