import { RefusedError } from '../../core/errors/errors.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import type { EventSelection, TenancyFilter } from '../../core/events/event-filter.js';
import { routingWordsOf } from '../../core/events/routing-key.js';
import type { Format } from '../formats/format.js';
import type { Delivery } from './bus.js';
import { DeadLetterError } from './dead-letter-error.js';
import { defaultMaxParsed } from './max-incoming.js';
import { selectionMatcher } from '../topic/selection-matcher.js';

/** Reads the events of a subscription, whatever format they come in. */
export interface EventReader {
  /** Patterns to bind on the bus. */
  readonly patterns: readonly string[];
  /**
   * Resolves with the event of a message, or undefined for one that was not asked for, which the
   * bindings of a foreign format may let through. Rejects with DeadLetterError, with the reason, for
   * what is no event.
   */
  read(delivery: Delivery): Promise<SignalboxEvent | undefined>;
}

/**
 * Pure. A reader for the events that are selected. Throws RefusedError FILTER_INVALID for a selection
 * that can match nothing.
 *
 * @param within whose events are selected besides, whatever the selection says
 * @param maxIncoming bytes that a compressed body may inflate to; default 2 MiB
 */
export function eventReader(
  format: Format,
  selection: EventSelection,
  within: TenancyFilter = {},
  maxIncoming = defaultMaxParsed,
): EventReader {
  const { patterns, looksAtOwners, matches } = selectionMatcher(selection, within);
  const isForeign = format.bindings !== undefined;
  return {
    patterns: format.bindings?.(patterns) ?? patterns,
    async read(delivery) {
      const event = await decode(format, delivery, maxIncoming);
      const key = routingWordsOf(event);
      if (!isForeign) assertOwnKey(event, key, delivery.key);
      if (!isForeign && !looksAtOwners) return event;
      return matches(key, () => event) ? event : undefined;
    },
  };
}

async function decode(
  format: Format,
  delivery: Delivery,
  maxIncoming: number,
): Promise<SignalboxEvent> {
  const { key, id, headers, contentType, body } = delivery;
  const receivedAt = new Date().toISOString();
  try {
    return await format.decode({ key, id, headers, contentType, body, receivedAt, maxIncoming });
  } catch (cause) {
    const reason = cause instanceof RefusedError ? cause.message : 'The message cannot be decoded.';
    throw new DeadLetterError(reason, { cause });
  }
}

const words = ['source', 'category', 'type', 'resource', 'uuid'];

/** Compares a body with its key: a body that names anything else is a forgery. */
function assertOwnKey(event: SignalboxEvent, own: string, key: string): void {
  if (own === key) return;
  const given = key.split('.');
  const word = own.split('.').findIndex((each, index) => each !== given[index]);
  throw new DeadLetterError(
    `The routing key ${key} is not that of the message, a ${event.category}: ` +
      (given.length === words.length && word >= 0
        ? `the ${words[word]} differs.`
        : 'it has not the five words of one.'),
  );
}
