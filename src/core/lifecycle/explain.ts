import type { Refusal } from '../errors/errors.js';
import { guardNames } from './guards.js';
import { lawfulEvents } from './lawful-events.js';
import type { AnyLifecycle, ContextOf, EventOf, StateOf } from './lifecycle.js';
import type { EventInput, Position } from './position.js';
import { step } from './step.js';

/** Whether an event is lawful now, why not, and what is. */
export interface Explanation<TEvent extends string = string> {
  readonly lawful: boolean;
  /** Empty when the event is lawful. */
  readonly refusals: readonly Refusal[];
  /** The events that are lawful now, in the order of the declaration. */
  readonly lawfulEvents: readonly TEvent[];
  /** Guards that decide about the event and were not asked, because no context was given. */
  readonly openGuards: readonly string[];
}

/**
 * Tells whether an event is lawful in a state, why not, and what is. Pure; never throws, unless a
 * guard does. Without a context guards are not asked: a guarded event then counts as lawful, and
 * `openGuards` names what it depends on.
 *
 * @example
 * ```ts
 * explain(volume, { state: 'Resizing' }, 'AttachRequested').refusals[0].code; // 'EVENT_NOT_LAWFUL'
 * ```
 */
export function explain<L extends AnyLifecycle>(
  lifecycle: L,
  position: Position<StateOf<L>, ContextOf<L>>,
  event: EventInput<EventOf<L>>,
): Explanation<EventOf<L>> {
  const lawful = lawfulEvents(lifecycle, position);
  const type = typeof event === 'string' ? event : event.type;
  const rows = lifecycle.table.rows.get(position.state)?.get(type) ?? [];
  const openGuards = position.context === undefined ? guardNames(rows) : [];
  if (openGuards.length > 0)
    return { lawful: true, refusals: [], lawfulEvents: lawful, openGuards };
  const result = step(lifecycle, position, event);
  return {
    lawful: result.lawful,
    refusals: result.lawful ? [] : result.refusals,
    lawfulEvents: lawful,
    openGuards,
  };
}
