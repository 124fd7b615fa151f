import { firstLawfulRow } from './guards.js';
import {
  deadlineExceeded,
  type AnyLifecycle,
  type Creation,
  type ContextOf,
  type Deadline,
  type EventOf,
  type StateOf,
  type TableRow,
} from './lifecycle.js';
import type { EventInput, Position } from './position.js';
import { readRemembered } from './remembered.js';
import { refuseCreation, refuseDeadline, refuseEvent, type Refused } from './refusals.js';

/** Result of an event: the step, or why it is not lawful now. Narrow it by `lawful`. */
export type Step<TState extends string = string> = TableRow<TState> | Refused;

/**
 * Returns the result of an event on a resource: the next state, the effects to announce and the deadlines
 * to arm and cancel; or the refusals. Pure; never throws, unless a guard does. One lookup: what it returns
 * on success is the frozen row of the table itself.
 *
 * Refusals have the codes EVENT_NOT_LAWFUL, GUARD_REFUSED, UNKNOWN_EVENT and UNKNOWN_STATE, and tell
 * what is lawful now.
 *
 * @example
 * ```ts
 * const result = step(volume, { state: 'Ready' }, 'AttachRequested');
 * if (result.lawful) result.next; // 'Attaching'
 * else result.refusals; // why not, and what is lawful
 * ```
 */
export function step<L extends AnyLifecycle>(
  lifecycle: L,
  position: Position<StateOf<L>, ContextOf<L>>,
  event: EventInput<EventOf<L>>,
): Step<StateOf<L>> {
  const type = typeof event === 'string' ? event : event.type;
  const rows = lifecycle.table.rows.get(position.state)?.get(type);
  const row =
    rows === undefined
      ? undefined
      : firstLawfulRow(rows, position.context, event, memoryOf(lifecycle, position));
  return (row ?? refuseEvent(lifecycle, position, event)) as Step<StateOf<L>>;
}

/** Result of a deadline that has passed. */
export interface DeadlineStep<TState extends string = string> {
  /** Tells a deadline that runs in the state from one that does not. */
  readonly lawful: true;
  /** Its alert is raised in any case. */
  readonly deadline: Deadline;
  /** The timeout transition; undefined when the deadline only raises its alert. */
  readonly row: TableRow<TState> | undefined;
}

/**
 * Returns the result of a passed deadline: its alert, and the timeout transition if one is declared and
 * its guards hold. Pure; never throws, unless a guard does. Refuses with DEADLINE_STALE a deadline that
 * does not run in this state. The row's effects do not repeat the alert.
 *
 * @param deadlineId As in `table.deadlines`: `<state>/<milliseconds>`.
 */
export function stepDeadline<L extends AnyLifecycle>(
  lifecycle: L,
  position: Position<StateOf<L>, ContextOf<L>>,
  deadlineId: string,
): DeadlineStep<StateOf<L>> | Refused {
  const { armed, timeouts } = lifecycle.table;
  const deadline = armed.get(position.state)?.find(({ id }) => id === deadlineId);
  if (deadline === undefined) return refuseDeadline(lifecycle, position.state, deadlineId);
  const rows = timeouts.get(position.state)?.get(deadlineId) ?? [];
  const event = { type: deadlineExceeded, deadline: deadlineId };
  return {
    lawful: true,
    deadline,
    row: firstLawfulRow(rows, position.context, event, memoryOf(lifecycle, position)) as
      TableRow<StateOf<L>> | undefined,
  };
}

/**
 * Returns the result of a creation: entry effects to announce and deadlines to arm. Pure, never throws.
 * Refuses with UNKNOWN_INITIAL_STATE a state that a resource cannot be created in.
 *
 * @param state Default: the lifecycle's initial state.
 */
export function creation<L extends AnyLifecycle>(
  lifecycle: L,
  state: StateOf<L> = lifecycle.initial as StateOf<L>,
): Creation<StateOf<L>> | Refused {
  return (lifecycle.table.creations.get(state) ?? refuseCreation(lifecycle, state)) as
    Creation<StateOf<L>> | Refused;
}

// Most lifecycles have no history state: nothing is read for them.
function memoryOf(
  { table }: AnyLifecycle,
  { remembered }: Position,
): ReadonlyMap<string, string> | undefined {
  return table.histories.size === 0 ? undefined : readRemembered(table.histories, remembered);
}
