import type { Refusal } from '../errors/errors.js';
import { guardNames } from './guards.js';
import { lawfulEvents } from './lawful-events.js';
import {
  deadlineExceeded,
  type AnyLifecycle,
  type ContextOf,
  type EventOf,
  type Region,
  type RegionStateOf,
  type StateOf,
} from './lifecycle.js';
import { refuseEvent } from './refusals.js';
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
 * Of parallel regions one alone can be asked: in `power.Running` an event is lawful when that region takes
 * it. What it depends on is named, with or without a context.
 *
 * @example
 * ```ts
 * explain(volume, { state: 'Resizing' }, 'AttachRequested').refusals[0].code; // 'EVENT_NOT_LAWFUL'
 * ```
 */
export function explain<L extends AnyLifecycle>(
  lifecycle: L,
  position: Position<StateOf<L> | RegionStateOf<L>, ContextOf<L>>,
  event: EventInput<EventOf<L>>,
): Explanation<EventOf<L>> {
  const region = lifecycle.table.armed.has(position.state)
    ? undefined
    : lifecycle.regions.find(({ states }) => states.some(({ name }) => name === position.state));
  if (region !== undefined) return explainRegion(lifecycle, region, position.state, event);
  return explainWhole(lifecycle, position as Position<StateOf<L>, ContextOf<L>>, event);
}

function explainWhole<L extends AnyLifecycle>(
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

function explainRegion<L extends AnyLifecycle>(
  lifecycle: L,
  { transitions }: Region,
  state: string,
  event: EventInput<EventOf<L>>,
): Explanation<EventOf<L>> {
  const type = typeof event === 'string' ? event : event.type;
  const leaving = transitions.filter(
    (each) => each.from === state && each.event !== deadlineExceeded && each.declared !== 'beside',
  );
  const lawfulEvents = [...new Set(leaving.map((each) => each.event as EventOf<L>))];
  const taken = leaving.filter((each) => each.event === type);
  if (taken.length === 0) {
    return {
      lawful: false,
      refusals: refuseEvent(lifecycle, { state }, type, lawfulEvents).refusals,
      lawfulEvents,
      openGuards: [],
    };
  }
  const guards = taken.flatMap((each) => each.guards ?? []);
  return {
    lawful: true,
    refusals: [],
    lawfulEvents,
    openGuards: [...new Set(guards.map(({ name }) => name))],
  };
}
