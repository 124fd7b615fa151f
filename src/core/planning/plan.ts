import { ConfigurationError, ConflictError, RefusedError, type Refusal } from '../errors/errors.js';
import { nearestName } from '../errors/nearest-name.js';
import { guardNames } from '../lifecycle/guards.js';
import {
  type AnyLifecycle,
  type Effect,
  type TableRow,
  deadlineExceeded,
} from '../lifecycle/lifecycle.js';
import {
  asksOrigin,
  readRemembered,
  rememberedAfter,
  type Remembered,
} from '../lifecycle/remembered.js';
import { step, stepDeadline } from '../lifecycle/step.js';
import { placeOf } from './deadline-place.js';
import { incompleteRow, revisionsExhausted } from './unusable-row.js';
import type { JournalEntry } from './journal-entry.js';
import type { Tenancy } from './event-context.js';
import type { DeadlineChange, TransitionResult, TransitionRequest } from './transition-request.js';
import { announceChange } from './transition-announcements.js';

/** The part of a resource that planning reads: its lifecycle and nothing of its table. */
export interface PlannedResource {
  readonly lifecycle: AnyLifecycle;
  /** `lifecycle.resource`. */
  readonly resource: string;
}

/** A resource's row while it is locked. */
export interface LockedRow {
  /** Lower case. */
  readonly uuid: string;
  readonly state: string;
  readonly revision: number;
  readonly tenancy?: Tenancy;
  /** Remembered state of the row; absent where its lifecycle has no history states. */
  readonly remembered?: Remembered;
  /** The column that is NULL although every resource has it. Then `state` and `revision` say nothing. */
  readonly missing?: 'state' | 'revision';
}

/** Further inputs of a plan, read under the same lock. */
export interface PlanFacts {
  /** Context that guards read, projected from the entity. Needed for events with guards. */
  readonly context?: unknown;
  /** The revision that armed the request's deadline; undefined when it is not armed. */
  readonly armedRevision?: number | undefined;
  /** Gives UUIDv7s. */
  readonly nextId: () => string;
}

/** All that one transition writes, and what its caller is told when it is committed. */
export interface PlannedTransition {
  readonly outcome: TransitionResult;
  /** The columns of the resource's row. `stateSince` is absent when the state stays the same. */
  readonly update: {
    readonly state: string;
    readonly revision: number;
    readonly lifecycleVersion: number;
    /** RFC 3339, UTC, milliseconds. */
    readonly stateSince?: string;
    /** Absent where the transition leaves no state that a history state returns to. */
    readonly remembered?: Remembered;
  };
  readonly entries: readonly JournalEntry[];
  readonly deadlines: DeadlineChange & { readonly cancels: readonly string[] };
}

/**
 * Decides what one request does to one locked row. Pure: a refusal, a conflict or a row that cannot
 * be read is returned as an error, for its own caller. Throws only what a guard throws. A request with a `deadline`
 * fires it: a conflict unless it is still armed at the revision it was armed at.
 *
 * @param row The row as locked; undefined when there is none.
 */
export function planTransition(
  binding: PlannedResource,
  row: LockedRow | undefined,
  request: TransitionRequest,
  facts: PlanFacts,
): PlannedTransition | Error {
  if (row === undefined) {
    return unknownResource(binding, request.uuid);
  }
  const unusable = incompleteRow(binding, row);
  if (unusable !== undefined) {
    return unusable;
  }
  if (!binding.lifecycle.table.armed.has(row.state)) {
    return unknownState(binding, row);
  }
  const { expectedRevision, deadline } = request;
  if (expectedRevision !== undefined && expectedRevision !== row.revision) {
    return revisionConflict(binding, row, expectedRevision);
  }
  if (deadline !== undefined && facts.armedRevision !== deadline.revision) {
    return staleDeadline(binding, row, deadline);
  }
  const unknown = unknownMemory(binding, row, deadline?.id ?? request.event);
  if (unknown !== undefined) {
    return unknown;
  }
  const taken =
    deadline === undefined
      ? eventStep(binding, row, request, facts.context)
      : timeoutStep(binding, row, deadline.id, facts.context);
  return taken instanceof Error
    ? taken
    : (revisionsExhausted(binding, row) ?? planStep(binding, row, request, taken, facts.nextId));
}

/**
 * The table row that an event takes, or the refusal that names the resource. Pure; throws what a guard
 * throws.
 */
export function eventStep(
  { lifecycle }: PlannedResource,
  { uuid, state, remembered }: Pick<LockedRow, 'uuid' | 'state' | 'remembered'>,
  { event, payload }: Pick<TransitionRequest, 'event' | 'payload'>,
  context: unknown,
): TableRow | RefusedError {
  const taken = step(
    lifecycle,
    { state, context, remembered },
    payload === undefined ? event : { ...payload, type: event },
  );
  return taken.lawful ? taken : refusedFor(uuid, taken.refusals);
}

/** The timeout transition of a deadline; refused when it has none or when its guards say no. */
function timeoutStep(
  { lifecycle, resource }: PlannedResource,
  { uuid, state, remembered }: LockedRow,
  deadline: string,
  context: unknown,
): TableRow | RefusedError {
  const taken = stepDeadline(lifecycle, { state, context, remembered }, deadline);
  if (!taken.lawful) {
    return refusedFor(uuid, taken.refusals);
  }
  if (taken.row !== undefined) {
    return taken.row;
  }
  const guards = guardNames(lifecycle.table.timeouts.get(state)?.get(deadline) ?? []);
  const why =
    guards.length === 0 ? 'has no timeout transition' : `was refused by ${guards.join(', ')}`;
  return RefusedError.of(
    guards.length === 0 ? 'EVENT_NOT_LAWFUL' : 'GUARD_REFUSED',
    `Deadline ${deadline} of ${resource} ${uuid} in ${state} ${why}: it raises its alert only.`,
    { resource, uuid, state, deadline, guards },
  );
}

/** The core knows types of resources, not which one: here the uuid is added. */
function refusedFor(uuid: string, refusals: readonly [Refusal, ...Refusal[]]): RefusedError {
  const [first, ...others] = refusals;
  const named = (refusal: Refusal): Refusal => ({
    code: refusal.code,
    message: `${refusal.message} (uuid ${uuid})`,
    parameters: { ...refusal.parameters, uuid },
  });
  return new RefusedError([named(first), ...others.map(named)]);
}

/** Writes down what a lawful step does. Pure, but for `nextId`. */
export function planStep(
  binding: PlannedResource,
  row: LockedRow,
  request: Pick<TransitionRequest, 'uuid' | 'origin' | 'reason' | 'deadline'>,
  taken: TableRow,
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
      ...(request.deadline === undefined
        ? { event: taken.event }
        : { event: deadlineExceeded, deadline: request.deadline.id }),
      old: taken.from,
      new: taken.to,
      lifecycleVersion: lifecycle.version,
      changed: taken.changed,
    },
    {
      effects: stepEffects(binding, request, taken),
      origin: request.origin,
      reason: request.reason,
      nextId,
    },
  );
  return {
    outcome: {
      uuid: row.uuid,
      old: taken.from,
      new: taken.to,
      revision,
      changed: taken.changed,
      events: entries.map((entry) => entry.id),
    },
    update: {
      state: taken.to,
      revision,
      lifecycleVersion: lifecycle.version,
      ...(taken.changed ? { stateSince: request.origin.time } : {}),
      ...(taken.remembers === undefined
        ? {}
        : { remembered: rememberedAfter(lifecycle.table.histories, row.remembered, taken) }),
    },
    entries,
    deadlines: {
      resource,
      uuid: row.uuid,
      revision,
      version: lifecycle.version,
      ...deadlineChange(request, taken),
    },
  };
}

/** A timeout transition announces its deadline's alert too, first. */
function stepEffects(
  binding: PlannedResource,
  { deadline }: Pick<TransitionRequest, 'deadline'>,
  { effects }: TableRow,
): readonly Effect[] {
  const alert =
    deadline === undefined ? undefined : binding.lifecycle.table.deadlines.get(deadline.id)?.alert;
  return alert === undefined ? effects : [alert, ...effects];
}

/**
 * Cancels every deadline of a state that is left: another version of the lifecycle, deployed beside or
 * before, may have armed one with another delay. A deadline that fires is spent, whether or not its
 * transition leaves the state that armed it.
 */
function deadlineChange(
  { deadline }: Pick<TransitionRequest, 'deadline'>,
  taken: TableRow,
): Pick<PlannedTransition['deadlines'], 'arms' | 'cancels'> {
  const spent = deadline === undefined || taken.cancels.includes(deadline.id) ? [] : [deadline.id];
  return { arms: taken.arms, cancels: [...new Set(taken.cancels.map(placeOf)), ...spent] };
}

/** The error for an event that the lifecycle does not declare. */
export function unknownEvent(
  { lifecycle, resource }: PlannedResource,
  uuid: string,
  event: string,
): RefusedError {
  const suggestion = nearestName(event, lifecycle.events);
  return RefusedError.of(
    'UNKNOWN_EVENT',
    `${resource} has no event '${event}'. ` +
      (suggestion === undefined
        ? `It has ${lifecycle.events.join(', ')}.`
        : `Did you mean '${suggestion}'?`),
    { resource, uuid, event, events: [...lifecycle.events] },
  );
}

/** The error for a uuid that no row has. */
export function unknownResource(binding: PlannedResource, uuid: string): RefusedError {
  return RefusedError.of(
    'UNKNOWN_RESOURCE',
    `There is no ${binding.resource} ${uuid}. Check the uuid, or create the resource first.`,
    { resource: binding.resource, uuid },
  );
}

/** The error for a row in a state that this version of the lifecycle does not declare. */
export function unknownState(binding: PlannedResource, row: LockedRow): ConfigurationError {
  const { resource, lifecycle } = binding;
  return new ConfigurationError(
    'UNKNOWN_STATE',
    `${resource} ${row.uuid} is in state '${row.state}', which version ${lifecycle.version} of its ` +
      `lifecycle does not know. Migrate the row, or deploy the version that wrote it.`,
    { parameters: { resource, uuid: row.uuid, state: row.state, version: lifecycle.version } },
  );
}

/**
 * The error for a row that remembers a state which this version of the lifecycle does not declare, where
 * the step depends on it: a history state would lead to its default target without a word.
 *
 * @param trigger An event, or the id of a deadline.
 */
export function unknownMemory(
  { resource, lifecycle }: PlannedResource,
  { uuid, state, remembered }: Pick<LockedRow, 'uuid' | 'state' | 'remembered'>,
  trigger: string,
): ConfigurationError | undefined {
  const { version, table } = lifecycle;
  if (table.histories.size === 0 || remembered == null) {
    return undefined;
  }
  const rows = table.rows.get(state)?.get(trigger) ?? table.timeouts.get(state)?.get(trigger) ?? [];
  const memory = readRemembered(table.histories, remembered);
  const known =
    memory.size > 0 &&
    [...memory].every(([place, left]) => table.histories.get(place)?.includes(left) === true);
  return known || !rows.some(({ guards }) => asksOrigin(guards))
    ? undefined
    : new ConfigurationError(
        'UNKNOWN_STATE',
        `${resource} ${uuid} remembers '${remembered}' to return to, which version ${version} of its ` +
          `lifecycle does not know. Migrate the row, or set the column to NULL for the default target.`,
        { parameters: { resource, uuid, state: remembered, version } },
      );
}

/** The error for a row that has moved since the caller read it. */
export function revisionConflict(
  binding: PlannedResource,
  row: LockedRow,
  expected: number,
): ConflictError | ConfigurationError {
  const { resource } = binding;
  const unusable = incompleteRow(binding, row);
  if (unusable !== undefined) {
    return unusable;
  }
  return new ConflictError(
    'REVISION_CONFLICT',
    `${resource} ${row.uuid} is at revision ${row.revision}, not ${expected}. Read it again, ` +
      `decide again, and retry.`,
    { parameters: { resource, uuid: row.uuid, expected, actual: row.revision } },
  );
}

function staleDeadline(
  binding: PlannedResource,
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
