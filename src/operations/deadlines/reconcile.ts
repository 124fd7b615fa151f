import type { DataSource } from 'typeorm';
import { placeOf } from '../../core/planning/deadline-place.js';
import type { LockedRow } from '../../core/planning/plan.js';
import { settleDeadlines } from '../../core/planning/settle-deadlines.js';
import { incompleteRow } from '../../core/planning/unusable-row.js';
import { ownTransaction } from '../../persistence/commit/own-transaction.js';
import { readLife } from '../../persistence/life-entries.js';
import type { ResourceBinding } from '../../persistence/resource/binding.js';
import type { DeadlineParts } from './fire-deadline.js';
import { readPage } from './resource-pages.js';

/** Dependencies of reconciling. */
export interface ReconcileContext {
  readonly dataSource: DataSource;
  readonly store: DeadlineParts;
  /** Rows of a page. */
  readonly batch: number;
  /** Asked between pages. */
  readonly stopped: () => boolean;
  /** Called for each row whose state or revision is NULL: it is passed over. */
  readonly onIncomplete: (error: Error) => void;
  /** Waits for so many milliseconds, or until it is stopped. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/**
 * Gives each resource in a state with deadlines the ones that it lacks, and settles those of other versions
 * of the lifecycle (see `settleDeadlines`). Reads the resources page by page, and locks only those that
 * lack one. Resolves with how many it settled; rejects with typed errors of the database.
 */
export async function reconcileDeadlines(
  context: ReconcileContext,
  binding: ResourceBinding,
): Promise<number> {
  if (binding.lifecycle.table.deadlines.size === 0) return 0;
  let after: unknown;
  let settled = 0;
  do {
    const began = performance.now();
    const { incomplete, next } = await incompleteOf(context, binding, after);
    for (const uuid of incomplete) {
      if (context.stopped()) return settled;
      if (await settleOne(context, binding, uuid)) settled += 1;
    }
    after = next;
    // As long as the page took, the database is there for others alone.
    if (after !== undefined) await context.pause(performance.now() - began);
  } while (after !== undefined && !context.stopped());
  return settled;
}

/** One page, and the uuids on it of which some deadline is not armed. */
async function incompleteOf(
  { dataSource, store, batch, onIncomplete }: ReconcileContext,
  binding: ResourceBinding,
  after: unknown,
): Promise<{ readonly incomplete: readonly string[]; readonly next: unknown }> {
  const broken: Error[] = [];
  const found = await ownTransaction(dataSource, async (manager) => {
    broken.length = 0;
    const { rows, next } = await readPage(manager, binding, { limit: batch, after });
    const armed = await store.deadlines.armedWithin(
      manager,
      binding.resource,
      rows.map(({ uuid }) => uuid),
    );
    broken.push(...rows.flatMap((row) => incompleteRow(binding, row) ?? []));
    const ids = new Map<string, Set<string>>();
    const { version } = binding.lifecycle;
    for (const each of armed) {
      const known = ids.get(each.uuid) ?? new Set();
      ids.set(each.uuid, known.add(each.deadline));
      // A newer version has its own delay: the place is taken.
      if ((each.version ?? 0) > version) known.add(placeOf(each.deadline));
    }
    return { incomplete: rows.flatMap((row) => lacking(binding, row, ids.get(row.uuid))), next };
  });
  broken.forEach(onIncomplete);
  return found;
}

function lacking(
  { lifecycle }: ResourceBinding,
  { uuid, state }: LockedRow,
  armed: ReadonlySet<string> | undefined,
): readonly string[] {
  const required = lifecycle.table.armed.get(state) ?? [];
  const complete = required.every(
    ({ id }) => armed?.has(id) === true || armed?.has(placeOf(id)) === true,
  );
  return complete ? [] : [uuid];
}

/** Settles one resource under its lock, or leaves one alone that somebody else holds: it is moving. */
async function settleOne(
  { dataSource, store }: ReconcileContext,
  binding: ResourceBinding,
  uuid: string,
): Promise<boolean> {
  const { resource, lifecycle } = binding;
  return ownTransaction(dataSource, async (manager) => {
    const row = (await store.lockWithin(manager, binding, [uuid], true)).get(uuid);
    if (row === undefined) return false;
    const armed = await store.deadlines.armedWithin(manager, resource, [uuid]);
    const life = await readLife(manager, resource, uuid, store.application);
    const settled = settleDeadlines(lifecycle, row, armed, life);
    if (settled === undefined) return false;
    const { arms, cancels } = settled;
    if (arms.length + cancels.length === 0) return false;
    const { revision } = row;
    const { version } = lifecycle;
    await store.scheduleWithin(manager, { resource, uuid, revision, version, arms, cancels });
    return true;
  });
}
