import type { Category } from '../../core/events/category.js';
import type { EventOfCategory, SignalboxEvent } from '../../core/events/event.js';
import type { EventSelection } from '../../core/events/event-filter.js';
import type { KnownSelection } from '../../core/events/known-selection.js';
import type { Format } from '../formats/format.js';
import type { Bus, BusSubscription, Delivery, SubscribeOptions } from './bus.js';
import { defaultMaxParsed } from './max-incoming.js';
import { handleInSpan } from '../../context/span.js';
import { eventReader } from './event-reader.js';
import { handleSpan } from './messaging-spans.js';

/** The events that a selection can deliver: narrowed when it names its categories. */
export type SelectedEvent<S extends EventSelection> = S extends { readonly category: infer C }
  ? C extends Category
    ? EventOfCategory<C>
    : C extends readonly (infer Each)[]
      ? [Each] extends [Category]
        ? EventOfCategory<Each>
        : SignalboxEvent
      : SignalboxEvent
  : SignalboxEvent;

/**
 * Handles one event. Returning acknowledges it, throwing retries it, `DeadLetterError` gives it up; see
 * `DeliveryHandler`.
 */
export type EventHandler<E extends SignalboxEvent = SignalboxEvent> = (
  event: E,
  delivery: Delivery,
  signal: AbortSignal,
) => void | Promise<void>;

/**
 * Subscribes to events: each message is decoded and checked before the handler sees it. A message that
 * is no valid event never reaches the handler: it is dead-lettered with its reason at once (an
 * ephemeral subscription, which has nowhere to keep it, drops and reports it), and the others go on.
 * Rejects with RefusedError FILTER_INVALID for a selection that can match nothing.
 *
 * @example
 * await subscribeEvents(bus, cloudEvents, { category: 'ActionEvent', type: 'VM.START' }, (event) => {
 *   event.data.status; // 'Started' | 'Completed' | 'Failed'
 * }, { pool: 'audit' });
 */
export async function subscribeEvents<const S extends EventSelection>(
  bus: Bus,
  format: Format,
  selection: KnownSelection<S>,
  handler: EventHandler<SelectedEvent<S>>,
  options: SubscribeOptions = {},
): Promise<BusSubscription> {
  const { maxIncoming = defaultMaxParsed } = options;
  const reader = eventReader(format, selection as EventSelection, {}, maxIncoming);
  return bus.subscribe(
    reader.patterns,
    async (delivery, signal) => {
      const event = await reader.read(delivery);
      if (event === undefined) return;
      // The reader gives only what was selected.
      await handleInSpan(
        () => handleSpan(bus, event, delivery),
        event.traceparent,
        () => handler(event as SelectedEvent<S>, delivery, signal),
      );
    },
    { ...options, maxIncoming },
  );
}
