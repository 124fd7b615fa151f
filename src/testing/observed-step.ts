import type { AnyLifecycle, LifecycleEvent, TableRow } from '../lifecycle/lifecycle.js';
import type { Position } from '../lifecycle/position.js';
import { step, stepDeadline, type DeadlineStep, type Step } from '../lifecycle/step.js';
import { observe } from './observation.js';

/** `step`, seen by lifecycle coverage. */
export function observedStep(
  lifecycle: AnyLifecycle,
  position: Position,
  event: string | LifecycleEvent,
): Step {
  const result = step(lifecycle, position, event);
  if (result.lawful) observeRow(lifecycle, result);
  else observeRefusal(lifecycle, position, event);
  return result;
}

/** `stepDeadline`, seen by lifecycle coverage. */
export function observedDeadline(
  lifecycle: AnyLifecycle,
  position: Position,
  deadline: string,
): DeadlineStep | Extract<Step, { lawful: false }> {
  const result = stepDeadline(lifecycle, position, deadline);
  if (result.lawful && result.row !== undefined) observeRow(lifecycle, result.row);
  return result;
}

/** Tells lifecycle coverage of a step that was taken. */
export function observeRow(lifecycle: AnyLifecycle, { from, event, to, guards }: TableRow): void {
  observe({ kind: 'transition', lifecycle, from, event, to, guards });
}

/** Tells lifecycle coverage of an event that was refused, and what its guards answered. */
export function observeRefusal(
  lifecycle: AnyLifecycle,
  { state, context }: Position,
  event: string | LifecycleEvent,
): void {
  const given = typeof event === 'string' ? { type: event } : event;
  const rows = lifecycle.table.rows.get(state)?.get(given.type) ?? [];
  const tests = new Map(rows.flatMap(({ guards }) => guards.map(({ name, test }) => [name, test])));
  const guards = [...tests].map(([name, test]) => ({ name, expected: test(context, given) }));
  observe({ kind: 'refusal', lifecycle, state, event: given.type, guards });
}
