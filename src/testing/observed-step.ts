import {
  deadlineExceeded,
  type AnyLifecycle,
  type GuardCondition,
  type LifecycleEvent,
  type TableRow,
} from '../core/lifecycle/lifecycle.js';
import type { Position } from '../core/lifecycle/position.js';
import { step, stepDeadline, type DeadlineStep, type Step } from '../core/lifecycle/step.js';
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
  if (!result.lawful) return result;
  if (result.row === undefined) observeDeadlineRefusal(lifecycle, position, deadline);
  else observeRow(lifecycle, result.row);
  return result;
}

/** Tells lifecycle coverage of a step that was taken. */
export function observeRow(
  lifecycle: AnyLifecycle,
  { from, event, deadline, to, guards }: TableRow,
): void {
  observe({ kind: 'transition', lifecycle, from, event, deadline, to, guards });
}

/** Tells lifecycle coverage of an event that was refused, and what its guards answered. */
export function observeRefusal(
  lifecycle: AnyLifecycle,
  { state, context }: Position,
  event: string | LifecycleEvent,
): void {
  const given = typeof event === 'string' ? { type: event } : event;
  const rows = lifecycle.table.rows.get(state)?.get(given.type) ?? [];
  const guards = answersOf(rows, context, given);
  observe({ kind: 'refusal', lifecycle, state, event: given.type, guards });
}

/** Tells lifecycle coverage of a timeout transition that its guards refused, where there is one. */
export function observeDeadlineRefusal(
  lifecycle: AnyLifecycle,
  { state, context }: Position,
  deadline: string,
): void {
  const rows = lifecycle.table.timeouts.get(state)?.get(deadline);
  if (rows === undefined) return;
  const guards = answersOf(rows, context, { type: deadlineExceeded, deadline });
  observe({ kind: 'refusal', lifecycle, state, event: deadlineExceeded, deadline, guards });
}

function answersOf(
  rows: readonly TableRow[],
  context: unknown,
  event: LifecycleEvent,
): readonly GuardCondition[] {
  const tests = new Map(
    rows.flatMap(({ guards }) =>
      guards.flatMap(({ name, test, origin }) => (origin === undefined ? [[name, test]] : [])),
    ),
  );
  return [...tests].flatMap(([name, test]) => {
    try {
      return [{ name, expected: test(context, event) }];
    } catch {
      // The step itself may not have asked this one; watching it must not make it fail.
      return [];
    }
  });
}
