import { placeOf } from './deadline-place.js';
import type { LockedRow, PlannedTransition } from './plan.js';
import { RowLocked } from './row-locked.js';
import type { DeadlineChange, TransitionRequest } from './transition-request.js';

/** Each resource of a batch once, in the order in which every writer locks. Pure. */
export function uuidsOf(batch: readonly Pick<TransitionRequest, 'uuid'>[]): readonly string[] {
  // Every writer of every process locks in this order, so that none waits in a circle.
  return [...new Set(batch.map(({ uuid }) => uuid))].toSorted();
}

/** Whether a batch moves some resource more than once. Pure. */
export function hasChain(batch: readonly Pick<TransitionRequest, 'uuid'>[]): boolean {
  return batch.length > 1 && new Set(batch.map(({ uuid }) => uuid)).size < batch.length;
}

/**
 * Plans each request on its row as the requests before it leave it. An error leaves the row as it was.
 * Pure where `plan` is.
 *
 * @param rows The rows as locked.
 * @param skipped Whether rows that somebody else holds were left out: then an absent row is `RowBusy`,
 * and asked again alone it waits and is told which.
 */
export function planInTurn<TRequest extends Pick<TransitionRequest, 'uuid'>>(
  rows: ReadonlyMap<string, LockedRow>,
  batch: readonly TRequest[],
  skipped: boolean,
  plan: (row: LockedRow | undefined, request: TRequest) => PlannedTransition | Error,
): readonly (PlannedTransition | Error)[] {
  const moved = new Map<string, LockedRow>();
  return batch.map((request) => {
    const row = moved.get(request.uuid) ?? rows.get(request.uuid);
    if (row === undefined && skipped) {
      return new RowLocked();
    }
    const planned = plan(row, request);
    if (row !== undefined && !(planned instanceof Error)) {
      moved.set(request.uuid, rowAfter(row, planned));
    }
    return planned;
  });
}

/** A row as a transition leaves it. Pure. */
export function rowAfter(row: LockedRow, { update }: PlannedTransition): LockedRow {
  const { state, revision, remembered } = update;
  return { ...row, state, revision, ...(remembered === undefined ? {} : { remembered }) };
}

/** The combined change of one row by several transitions. */
export interface RowChange {
  readonly uuid: string;
  /** State and revision of the row before. */
  readonly old: Pick<LockedRow, 'state' | 'revision'>;
  readonly update: PlannedTransition['update'];
}

/** One change for each row, from before its first transition to after its last. Pure. */
export function rowChanges(plans: readonly PlannedTransition[]): readonly RowChange[] {
  const changes = new Map<string, RowChange>();
  for (const { outcome, update } of plans) {
    const { uuid, old: state, revision } = outcome;
    const before = changes.get(uuid);
    changes.set(
      uuid,
      before === undefined
        ? { uuid, old: { state, revision: revision - 1 }, update }
        : { ...before, update: { ...before.update, ...update } },
    );
  }
  return [...changes.values()];
}

/**
 * The deadlines that are armed in the end, each at the revision that armed it, and all that were
 * cancelled on the way: to be cancelled first and armed second. Pure.
 */
export function deadlineChanges(plans: readonly PlannedTransition[]): readonly DeadlineChange[] {
  const decided = new Set<string>();
  return plans
    .toReversed()
    .map(({ deadlines }) => {
      const key = (id: string) => `${deadlines.uuid} ${id}`;
      const arms = deadlines.arms.filter(
        ({ id }) => !decided.has(key(id)) && !decided.has(key(placeOf(id))),
      );
      deadlines.arms.forEach(({ id }) => decided.add(key(id)));
      deadlines.cancels.forEach((id) => decided.add(key(id)));
      return { ...deadlines, arms };
    })
    .toReversed();
}

/** The first transition of each row, the second of each, and so on. Pure. */
export function stepsOf(
  plans: readonly PlannedTransition[],
): readonly (readonly PlannedTransition[])[] {
  const depths = new Map<string, number>();
  const all: PlannedTransition[][] = [];
  for (const plan of plans) {
    const depth = depths.get(plan.outcome.uuid) ?? 0;
    depths.set(plan.outcome.uuid, depth + 1);
    (all[depth] ??= []).push(plan);
  }
  return all;
}
