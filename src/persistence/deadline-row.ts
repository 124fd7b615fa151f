import type { Integer } from './journal-row.js';
import type { DueDeadline } from '../core/stores/deadline-store.js';

/** A row of the deadline table as a driver returns it. */
export interface DeadlineRow {
  readonly resource: string;
  readonly uuid: string;
  readonly deadline: string;
  readonly revision: Integer;
}

/** Pure. */
export function dueDeadline({ resource, uuid, deadline, revision }: DeadlineRow): DueDeadline {
  return { resource, uuid, deadline, revision: Number(revision) };
}

/** Whole milliseconds until a deadline is due: rounded up, or it would be looked for too early. Pure. */
export function untilDue(delay: Integer | undefined): number | null {
  return delay === undefined ? null : Math.max(0, Math.ceil(Number(delay)));
}
