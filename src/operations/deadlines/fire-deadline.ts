import type { OriginSource } from '../../context/origin-source.js';
import { ConflictError, RefusedError } from '../../core/errors/errors.js';
import type { ResourceBinding } from '../../persistence/resource/binding.js';
import { nextEventId } from '../../core/identity/event-id.js';
import type { JournalEntry } from '../../core/planning/journal-entry.js';
import type { Tenancy } from '../../core/planning/origin.js';
import type { DeadlineStore, DueDeadline } from '../../core/stores/deadline-store.js';
import type { Transitioned } from '../../core/planning/transition-request.js';
import { announceDeadline } from '../../core/planning/transition-announcements.js';

/** How a deadline reaches its resource. */
export interface DeadlineTarget {
  /** Takes the timeout transition. Rejects with DEADLINE_STALE, UNKNOWN_RESOURCE or refusals. */
  fire(binding: ResourceBinding, due: DueDeadline): Promise<Transitioned>;
  /** The resource as it is now. Rejects with UNKNOWN_RESOURCE. */
  read(
    binding: ResourceBinding,
    uuid: string,
  ): Promise<{ readonly state: string; readonly tenancy?: Tenancy }>;
}

/** What firing needs. */
export interface FireContext {
  readonly deadlines: DeadlineStore;
  readonly target: DeadlineTarget;
  readonly origin: OriginSource;
}

/**
 * Fires one due deadline: takes the timeout transition where the state has one, else raises the
 * deadline's alert only, and so too where every guard of the timeout refuses. The deadline of a
 * resource that is gone is cancelled. Resolves with whether anything was announced: another sweeper or
 * a transition may have been first. Rejects when the deadline could not be fired and is still armed.
 */
export async function fireDeadline(
  context: FireContext,
  binding: ResourceBinding,
  due: DueDeadline,
): Promise<boolean> {
  const { deadlines, target } = context;
  try {
    const { state, tenancy } = await target.read(binding, due.uuid);
    if (hasTimeout(binding, state, due) && (await takesTimeout(target, binding, due))) return true;
    return await deadlines.fire(due, [alertEntry(context, binding, due, state, tenancy)]);
  } catch (error) {
    if (error instanceof ConflictError && error.code === 'DEADLINE_STALE') return false;
    if (error instanceof RefusedError && error.code === 'UNKNOWN_RESOURCE') {
      await deadlines.fire(due, []);
      return false;
    }
    throw error;
  }
}

/** Whether this version of the lifecycle declares the deadline. Pure. */
export function knowsDeadline({ lifecycle }: ResourceBinding, { deadline }: DueDeadline): boolean {
  return lifecycle.table.deadlines.has(deadline);
}

function hasTimeout({ lifecycle }: ResourceBinding, state: string, due: DueDeadline): boolean {
  return lifecycle.table.timeouts.get(state)?.has(due.deadline) === true;
}

async function takesTimeout(
  target: DeadlineTarget,
  binding: ResourceBinding,
  due: DueDeadline,
): Promise<boolean> {
  try {
    await target.fire(binding, due);
    return true;
  } catch (error) {
    if (error instanceof RefusedError && error.code !== 'UNKNOWN_RESOURCE') return false;
    throw error;
  }
}

function alertEntry(
  { origin }: FireContext,
  { lifecycle }: ResourceBinding,
  { resource, uuid, deadline: id, revision }: DueDeadline,
  state: string,
  tenancy: Tenancy | undefined,
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
