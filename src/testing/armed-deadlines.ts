import type { AnyLifecycle, Deadline } from '../core/lifecycle/lifecycle.js';

/** A deadline that runs on virtual time. */
export interface ArmedDeadline {
  readonly id: string;
  /** When it passes, in virtual milliseconds. */
  readonly due: number;
}

/** Deadlines that a step starts and cancels. */
interface DeadlineChange {
  readonly arms: readonly Deadline[];
  readonly cancels: readonly string[];
}

/** The deadlines that run in a state, as if it were entered now. Pure. */
export function deadlinesOnEntry(
  lifecycle: AnyLifecycle,
  state: string,
  now: number,
): readonly ArmedDeadline[] {
  return rearmed([], { arms: lifecycle.table.armed.get(state) ?? [], cancels: [] }, now);
}

/** The deadlines that run after a step: those cancelled are gone, those armed count from now. Pure. */
export function rearmed(
  armed: readonly ArmedDeadline[],
  { arms, cancels }: DeadlineChange,
  now: number,
): readonly ArmedDeadline[] {
  const started = new Set(arms.map(({ id }) => id));
  return [
    ...armed.filter(({ id }) => !cancels.includes(id) && !started.has(id)),
    ...arms.map(({ id, after }) => ({ id, due: now + after })),
  ];
}

/** The deadline that passes first, at `until` or before; undefined when there is none. Pure. */
export function firstDue<T extends { readonly due: number }>(
  armed: Iterable<T>,
  until: number,
): T | undefined {
  let first: T | undefined;
  for (const deadline of armed) {
    if (deadline.due <= until && (first === undefined || deadline.due < first.due)) {
      first = deadline;
    }
  }
  return first;
}
