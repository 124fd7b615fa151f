import { ConfigurationError, ConflictError, RefusedError } from '../errors/errors.js';
import {
  type AnyLifecycle,
  type Effect,
  type TableRow,
  deadlineExceeded,
} from '../lifecycle/lifecycle.js';
import type { JournalEntry } from './journal-entry.js';
import type { Tenancy } from './origin.js';
import { lawfulRow } from './lawful-row.js';
import type { ResourceBinding } from './binding.js';
import type { DeadlineChange, TransitionRequest, Transitioned } from './store.js';
import { announceChange } from './transition-announcements.js';

/** What a resource's row says while it is locked. */
export interface LockedRow {
  /** Lower case. */
  readonly uuid: string;
  readonly state: string;
  readonly revision: number;
  readonly tenancy?: Tenancy;
}

/** What else a plan depends on, read under the same lock. */
export interface PlanFacts {
  /** What guards read, projected from the entity. Needed for events with guards. */
  readonly context?: unknown;
  /** The revision that armed the request's deadline; undefined when it is not armed. */
  readonly armedRevision?: number | undefined;
  /** Gives UUIDv7s. */
  readonly nextId: () => string;
}

/** All that one transition writes, and what its caller is told when it is committed. */
export interface PlannedTransition {
  readonly outcome: Transitioned;
  /** The columns of the resource's row. `stateSince` is absent when the state stays the same. */
  readonly update: {
    readonly state: string;
    readonly revision: number;
    readonly lifecycleVersion: number;
    /** RFC 3339, UTC, milliseconds. */
    readonly stateSince?: string;
  };
  readonly entries: readonly JournalEntry[];
  readonly deadlines: DeadlineChange;
}

/**
 * Decides what one request does to one locked row. Pure: a refusal, a conflict or a row that cannot
 * be read is returned as an error, for its own caller. Throws only what a guard throws. A request with a `deadline`
 * fires it: a conflict unless it is still armed at the revision it was armed at.
 *
 * @param row The row as locked; undefined when there is none.
 */
export function planTransition(
  binding: ResourceBinding,
  row: LockedRow | undefined,
  request: TransitionRequest,
  facts: PlanFacts,
): PlannedTransition | Error {
  if (row === undefined) {
    return unknownResource(binding, request.uuid);
  }
  if (!knowsState(binding.lifecycle, row.state)) {
    return unknownState(binding, row);
  }
  const { expectedRevision, deadline } = request;
  if (expectedRevision !== undefined && expectedRevision !== row.revision) {
    return revisionConflict(binding, row, expectedRevision);
  }
  if (deadline !== undefined && facts.armedRevision !== deadline.revision) {
    return staleDeadline(binding, row, deadline);
  }
  const step = lawfulRow(binding.lifecycle, row.state, request, facts.context);
  if (!('to' in step)) {
    return new RefusedError(step);
  }
  return planStep(binding, row, request, step, facts.nextId);
}

/** Whether this version of the lifecycle declares the state. Pure. */
export function knowsState({ table, states }: AnyLifecycle, state: string): boolean {
  // Final states may have no rows.
  return table.rows.has(state) || states.some(({ name }) => name === state);
}

/** Writes down what a lawful step does. Pure, but for `nextId`. */
export function planStep(
  binding: ResourceBinding,
  row: LockedRow,
  request: Pick<TransitionRequest, 'uuid' | 'origin' | 'reason' | 'deadline'>,
  step: TableRow,
  nextId: () => string,
): PlannedTransition {
  const { resource, lifecycle } = binding;
  const revision = row.revision + 1;
  const entries = announceChange(
    {
      resource,
      uuid: row.uuid,
      revision,
      ...(row.tenancy === undefined ? {} : { tenancy: row.tenancy }),
    },
    {
      event: request.deadline === undefined ? step.event : deadlineExceeded,
      old: step.from,
      new: step.to,
      lifecycleVersion: lifecycle.version,
      changed: step.changed,
    },
    {
      effects: stepEffects(binding, request, step),
      origin: request.origin,
      reason: request.reason,
      nextId,
    },
  );
  return {
    outcome: {
      uuid: row.uuid,
      old: step.from,
      new: step.to,
      revision,
      changed: step.changed,
      events: entries.map((entry) => entry.id),
    },
    update: {
      state: step.to,
      revision,
      lifecycleVersion: lifecycle.version,
      ...(step.changed ? { stateSince: request.origin.time } : {}),
    },
    entries,
    deadlines: { resource, uuid: row.uuid, revision, ...deadlineChange(request, step) },
  };
}

/** A timeout transition announces its deadline's alert too, first, unless it declares it itself. */
function stepEffects(
  binding: ResourceBinding,
  { deadline }: Pick<TransitionRequest, 'deadline'>,
  step: TableRow,
): readonly Effect[] {
  const alert =
    deadline === undefined ? undefined : binding.lifecycle.table.deadlines.get(deadline.id)?.alert;
  return alert === undefined ||
    step.effects.some(({ category, type }) => category === alert.category && type === alert.type)
    ? step.effects
    : [alert, ...step.effects];
}

/** A deadline that fires is spent, whether or not its transition leaves the state that armed it. */
function deadlineChange(
  { deadline }: Pick<TransitionRequest, 'deadline'>,
  step: TableRow,
): Pick<DeadlineChange, 'arms' | 'cancels'> {
  const spent = deadline === undefined || step.cancels.includes(deadline.id) ? [] : [deadline.id];
  return { arms: step.arms, cancels: [...step.cancels, ...spent] };
}

/** The error for a uuid that no row has. */
export function unknownResource(binding: ResourceBinding, uuid: string): RefusedError {
  return RefusedError.of(
    'UNKNOWN_RESOURCE',
    `There is no ${binding.resource} ${uuid}. Check the uuid, or create the resource first.`,
    { resource: binding.resource, uuid },
  );
}

/** The error for a row in a state that this version of the lifecycle does not declare. */
export function unknownState(binding: ResourceBinding, row: LockedRow): ConfigurationError {
  const { resource, lifecycle } = binding;
  return new ConfigurationError(
    'UNKNOWN_STATE',
    `${resource} ${row.uuid} is in state '${row.state}', which version ${lifecycle.version} of its ` +
      `lifecycle does not know. Migrate the row, or deploy the version that wrote it.`,
    { parameters: { resource, uuid: row.uuid, state: row.state, version: lifecycle.version } },
  );
}

/** The error for a row that has moved since the caller read it. */
export function revisionConflict(
  binding: ResourceBinding,
  row: LockedRow,
  expected: number,
): ConflictError {
  const { resource } = binding;
  return new ConflictError(
    'REVISION_CONFLICT',
    `${resource} ${row.uuid} is at revision ${row.revision}, not ${expected}. Read it again, ` +
      `decide again, and retry.`,
    { parameters: { resource, uuid: row.uuid, expected, actual: row.revision } },
  );
}

function staleDeadline(
  binding: ResourceBinding,
  row: LockedRow,
  deadline: { readonly id: string; readonly revision: number },
): ConflictError {
  const { resource } = binding;
  return new ConflictError(
    'DEADLINE_STALE',
    `Deadline ${deadline.id} of ${resource} ${row.uuid} was cancelled or re-armed after revision ` +
      `${deadline.revision}. Nothing is to be done.`,
    {
      parameters: { resource, uuid: row.uuid, deadline: deadline.id, revision: deadline.revision },
    },
  );
}
