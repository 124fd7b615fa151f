import type { ArmedDeadline, DueDeadline } from '../core/stores/deadline-store.js';
import type { Integer } from './journal-row.js';

/** A row of the deadline table as a driver returns it. */
export interface DeadlineRow {
  readonly resource: string;
  readonly uuid: string;
  readonly deadline: string;
  readonly revision: Integer;
}

/** The same with all that is known of it. */
export interface ArmedDeadlineRow extends DeadlineRow {
  readonly version: Integer | null;
  readonly delay: Integer;
  readonly missing: boolean | Integer;
}

/** Pure. `space` stands before the resources of the application. */
export function dueDeadline(
  { resource, uuid, deadline, revision }: DeadlineRow,
  space: string,
): DueDeadline {
  return { resource: resource.slice(space.length), uuid, deadline, revision: Number(revision) };
}

/** Pure. */
export function armedDeadline(row: ArmedDeadlineRow, space: string): ArmedDeadline {
  return {
    ...dueDeadline(row, space),
    version: row.version === null ? null : Number(row.version),
    dueIn: Math.ceil(Number(row.delay)),
    missing: Boolean(Number(row.missing)),
  };
}

/** Whole milliseconds until a deadline is due: rounded up, or it would be looked for too early. Pure. */
export function untilDue(delay: Integer | undefined): number | null {
  return delay === undefined ? null : Math.max(0, Math.ceil(Number(delay)));
}
