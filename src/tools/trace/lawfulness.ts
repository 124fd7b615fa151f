import { nearestName } from '../../core/errors/nearest-name.js';
import {
  deadlineExceeded,
  type AnyLifecycle,
  type TableRow,
} from '../../core/lifecycle/lifecycle.js';
import { originsHold, readRemembered, type Remembered } from '../../core/lifecycle/remembered.js';
import { recovered, softRemoved } from '../../core/planning/transition-announcements.js';
import type { ChangeRecord } from './change-record.js';
import type { TraceFaultCode } from './trace-fault.js';

/** Verdict of a lifecycle about a recorded change. */
export type Verdict =
  /** Deadlines that it arms and cancels; absent for a removal. */
  | {
      readonly lawful: true;
      readonly row?: Pick<TableRow, 'arms' | 'cancels' | 'deadline' | 'remembers'>;
    }
  | { readonly lawful: false; readonly code: TraceFaultCode; readonly because: string };

/**
 * Whether a lifecycle declares a recorded change. Pure. Guards are taken to have answered as they had
 * to: a trace does not hold what they looked at.
 *
 * @param remembered What the resource remembers for history states; undefined where the trace does not
 *   hold it: it was then what it had to be.
 */
export function judge(
  lifecycle: AnyLifecycle,
  change: ChangeRecord,
  remembered?: Remembered,
): Verdict {
  const { table } = lifecycle;
  const unknown = [change.old, change.new].find(
    (state) => state !== null && !table.armed.has(state),
  );
  if (unknown != null) return unknownState(lifecycle, unknown);
  if (change.old === null) return judgeCreation(lifecycle, change);
  if (change.new === null) return { lawful: true };
  const { old: from, event, deadline, new: to } = change;
  if (from === to && (event === softRemoved || event === recovered) && !table.events.has(event)) {
    return { lawful: true, row: { arms: [], cancels: [] } };
  }
  if (event !== deadlineExceeded && !table.events.has(event)) return unknownEvent(lifecycle, event);
  const memory = remembered === undefined ? undefined : readRemembered(table.histories, remembered);
  const rows = rowsOf(lifecycle, from, event, deadline).filter(
    ({ guards }) => memory === undefined || originsHold(guards, memory),
  );
  const row = rows.find((candidate) => candidate.to === to);
  if (row !== undefined) return { lawful: true, row };
  const targets = [...new Set(rows.map((candidate) => candidate.to))];
  return {
    lawful: false,
    code: 'UNLAWFUL_TRANSITION',
    because:
      targets.length === 0
        ? `${from} does not take ${event}`
        : `${event} leads from ${from} to ${targets.join(' or ')}, not to ${to}`,
  };
}

function judgeCreation(
  { table, initialStates: creations }: AnyLifecycle,
  change: ChangeRecord,
): Verdict {
  const creation = table.creations.get(change.new ?? '');
  if (creation !== undefined) return { lawful: true, row: { arms: creation.arms, cancels: [] } };
  return {
    lawful: false,
    code: 'UNLAWFUL_CREATION',
    because: `It can be created in ${creations.join(', ')}, not in ${change.new}`,
  };
}

function rowsOf(
  { table }: AnyLifecycle,
  from: string,
  event: string,
  deadline: string | undefined,
): readonly TableRow[] {
  if (event !== deadlineExceeded) return table.rows.get(from)?.get(event) ?? [];
  const timeouts = table.timeouts.get(from) ?? new Map<string, readonly TableRow[]>();
  // Another version may have armed it under an id that this one does not know.
  return deadline !== undefined && table.deadlines.has(deadline)
    ? (timeouts.get(deadline) ?? [])
    : [...timeouts.values()].flat();
}

function unknownState({ version, states }: AnyLifecycle, state: string): Verdict {
  const near = nearestName(
    state,
    states.map(({ name }) => name),
  );
  return {
    lawful: false,
    code: 'UNKNOWN_STATE',
    because: `Version ${version} has no state ${state}${suggest(near)}`,
  };
}

function unknownEvent({ version, events }: AnyLifecycle, event: string): Verdict {
  return {
    lawful: false,
    code: 'UNKNOWN_EVENT',
    because: `Version ${version} has no event ${event}${suggest(nearestName(event, events))}`,
  };
}

function suggest(near: string | undefined): string {
  return near === undefined ? '' : `; did it mean ${near}?`;
}
