import type { DataSource, EntityManager } from 'typeorm';
import type { OriginSource } from '../../context/origin-source.js';
import { ConfigurationError, ConflictError, RefusedError } from '../../core/errors/errors.js';
import { nextEventId } from '../../core/identity/event-id.js';
import { journalEntry } from '../../core/planning/announcement.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import { type LockedRow, unknownState } from '../../core/planning/plan.js';
import { settleDeadlines } from '../../core/planning/settle-deadlines.js';
import { announceDeadline } from '../../core/planning/transition-announcements.js';
import { incompleteRow } from '../../core/planning/unusable-row.js';
import type { TransitionResult } from '../../core/planning/transition-request.js';
import type { DueDeadline } from '../../core/stores/deadline-store.js';
import { ownTransaction } from '../../persistence/commit/own-transaction.js';
import { readLife } from '../../persistence/life-entries.js';
import type { OpenStore } from '../../persistence/open-store.js';
import type { ResourceBinding } from '../../persistence/resource/binding.js';
import { isThere } from './resource-pages.js';

/** How a deadline moves its resource. */
export interface DeadlineTarget {
  /**
   * Takes the timeout transition of a resource that is still at this revision. Rejects with
   * DEADLINE_STALE, REVISION_CONFLICT, UNKNOWN_RESOURCE or refusals.
   */
  fire(
    binding: ResourceBinding,
    due: DueDeadline,
    expectedRevision: number,
  ): Promise<TransitionResult>;
}

/** The parts of a store that deadlines need. */
export type DeadlineParts = Pick<
  OpenStore,
  'application' | 'deadlines' | 'lockWithin' | 'scheduleWithin' | 'appendWithin'
>;

/** Dependencies of firing a deadline. */
export interface FireContext {
  readonly dataSource: DataSource;
  readonly store: DeadlineParts;
  readonly target: DeadlineTarget;
  readonly origin: OriginSource;
}

/** Outcome of a due deadline. */
export type Fired =
  /** It is spent, replaced or cancelled; `announced` tells whether an event was written. */
  | { readonly result: 'done'; readonly announced: boolean }
  /** It is armed still: something about its resource keeps it from firing. */
  | { readonly result: 'armed'; readonly announced: boolean; readonly why?: Error }
  /** Its resource is not found: it is looked at again much later. */
  | { readonly result: 'postponed'; readonly announced: boolean; readonly why: Error };

type Looked = Fired | { readonly result: 'timeout'; readonly revision: number };

/** How long a deadline waits until its resource, which was not found, is looked for again. */
const missingFor = 60 * 60 * 1000;

/** The alert that the resource of a deadline is not found. */
export const missingAlertType = 'ALERT.RESOURCE.MISSING';

/**
 * Fires one due deadline of a resource that has stayed in the deadline's state since it was armed: takes
 * the timeout transition where the state has one, else raises the deadline's alert only, and so too where
 * every guard of the timeout refuses. It is decided on the locked row, whether or not that is soft-removed.
 *
 * A deadline that does not hold is settled with the version of the lifecycle that runs here (see
 * `settleDeadlines`). One whose resource is not found is kept, and told by an alert. Rejects when it could
 * not be fired and is still armed.
 */
export async function fireDeadline(
  context: FireContext,
  binding: ResourceBinding,
  due: DueDeadline,
): Promise<Fired> {
  const looked = await look(context, binding, due, true);
  if (looked.result !== 'timeout') return looked;
  try {
    await context.target.fire(binding, due, looked.revision);
    return { result: 'done', announced: true };
  } catch (error) {
    // Somebody was first: the next look sees what is left to do.
    if (error instanceof ConflictError) return { result: 'done', announced: false };
    if (!(error instanceof RefusedError)) throw error;
    const again = await look(context, binding, due, false);
    return again.result === 'timeout' ? { result: 'done', announced: false } : again;
  }
}

/** Decides on the locked row, and does all that is not a timeout transition. */
async function look(
  context: FireContext,
  binding: ResourceBinding,
  due: DueDeadline,
  mayTimeOut: boolean,
): Promise<Looked> {
  return ownTransaction(context.dataSource, (manager) =>
    lookWithin(manager, context, binding, due, mayTimeOut),
  );
}

async function lookWithin(
  manager: EntityManager,
  context: FireContext,
  binding: ResourceBinding,
  due: DueDeadline,
  mayTimeOut: boolean,
): Promise<Looked> {
  const { store } = context;
  const { resource, lifecycle } = binding;
  // Whoever holds the row may hold it for long: many such rows would take the whole pool.
  const row = (await store.lockWithin(manager, binding, [due.uuid], true)).get(due.uuid);
  if (row === undefined) return notLocked(manager, context, binding, due);
  const broken = incompleteRow(binding, row);
  if (broken !== undefined) return { result: 'armed', announced: false, why: broken };
  const armed = await store.deadlines.armedWithin(manager, resource, [due.uuid]);
  if (!armed.some((each) => each.deadline === due.deadline && each.revision === due.revision)) {
    return { result: 'done', announced: false };
  }
  const declared = lifecycle.table.armed.get(row.state)?.some(({ id }) => id === due.deadline);
  if (row.revision !== due.revision || declared !== true) {
    const life = await readLife(manager, resource, due.uuid, store.application);
    const settled = settleDeadlines(lifecycle, row, armed, life);
    if (settled === undefined) {
      return { result: 'armed', announced: false, why: unknownState(binding, row) };
    }
    const { cancels, arms, kept, newer } = settled;
    if (cancels.length + arms.length > 0) {
      const { uuid, revision } = row;
      const { version } = lifecycle;
      await store.scheduleWithin(manager, { resource, uuid, revision, version, arms, cancels });
    }
    if (newer.includes(due.deadline)) {
      return { result: 'armed', announced: false, why: newerDeadline(binding, due) };
    }
    if (!kept.includes(due.deadline)) return { result: 'done', announced: false };
  }
  if (mayTimeOut && lifecycle.table.timeouts.get(row.state)?.has(due.deadline) === true) {
    return { result: 'timeout', revision: row.revision };
  }
  if (!(await store.deadlines.removeWithin(manager, due))) {
    return { result: 'done', announced: false };
  }
  await store.appendWithin(manager, [alertEntry(context, binding, due, row)]);
  return { result: 'done', announced: true };
}

/** A row that is held by somebody else, or that is not there. */
async function notLocked(
  manager: EntityManager,
  { store, origin }: FireContext,
  binding: ResourceBinding,
  due: DueDeadline,
): Promise<Looked> {
  if (await isThere(manager, binding, due.uuid)) {
    // Nothing is wrong with it: it is tried again at the next look.
    return { result: 'armed', announced: false };
  }
  const first = await store.deadlines.postponeWithin(manager, due, missingFor);
  if (first === undefined) return { result: 'done', announced: false };
  const why = missingResource(due);
  if (first) {
    const { resource, uuid, deadline } = due;
    await store.appendWithin(manager, [
      journalEntry({
        id: nextEventId(),
        origin: origin({ actor: 'signalbox' }),
        category: 'AlertEvent',
        type: missingAlertType,
        subject: { resource, uuid },
        data: {
          subject: `${missingAlertType}: no ${resource} ${uuid} is found, whose deadline ${deadline} passed`,
          details: { deadline },
        },
      }),
    ]);
  }
  return { result: 'postponed', announced: first, why };
}

function missingResource({ resource, uuid, deadline }: DueDeadline): RefusedError {
  return RefusedError.of(
    'DEADLINE_WITHOUT_RESOURCE',
    `No ${resource} ${uuid} is found, whose deadline ${deadline} passed. The deadline is kept. If the row was deleted past Signalbox, run \`signalbox deadlines cancel ${resource} ${uuid}\`.`,
    { resource, uuid, deadline },
  );
}

function newerDeadline(
  { lifecycle }: ResourceBinding,
  { resource, uuid, deadline }: DueDeadline,
): ConfigurationError {
  return new ConfigurationError(
    'DEADLINE_OF_NEWER_VERSION',
    `Deadline ${deadline} of ${resource} ${uuid} was armed by a newer version of the lifecycle than ${lifecycle.version}, which runs here and does not declare it. It is left to processes of that version; if there are none any more, run \`signalbox deadlines cancel ${resource} ${uuid} '${deadline}'\`.`,
    { parameters: { resource, uuid, deadline, version: lifecycle.version } },
  );
}

function alertEntry(
  { origin }: FireContext,
  { lifecycle }: ResourceBinding,
  { resource, uuid, deadline: id, revision }: DueDeadline,
  { state, tenancy }: LockedRow,
): JournalEntry {
  const deadline = lifecycle.table.deadlines.get(id);
  if (deadline === undefined) {
    throw new RangeError(`${resource} declares no deadline ${id}`);
  }
  return announceDeadline(
    { resource, uuid, revision, ...(tenancy === undefined ? {} : { tenancy }) },
    { state, deadline: id, alert: deadline.alert },
    { origin: origin({ actor: 'signalbox' }), nextId: nextEventId },
  );
}
