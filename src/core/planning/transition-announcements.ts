import type { JsonObject } from '../json/json.js';
import type { Effect } from '../lifecycle/lifecycle.js';
import { movedRegions } from '../lifecycle/state-parts.js';
import { journalEntry } from './announcement.js';
import type { JournalEntry } from './journal-entry.js';
import type { EventContext, Tenancy } from './event-context.js';

/** The event under which a creation is announced. */
export const created = 'Created';

/** The event under which a removal is announced. */
export const removed = 'Removed';

/** The event under which it is announced that a row is hidden (TypeORM's soft removal). */
export const softRemoved = 'SoftRemoved';

/** The event under which it is announced that a hidden row is shown again. */
export const recovered = 'Recovered';

/** One state change as it is told: a transition, a creation (`old: null`) or a removal (`new: null`). */
export interface StateChange {
  readonly event: string;
  /** The id of the deadline that took it, if one did. */
  readonly deadline?: string;
  readonly old: string | null;
  readonly new: string | null;
  readonly lifecycleVersion: number;
  /** False for a lawful self-transition. */
  readonly changed: boolean;
  /** The regions that moved, where the states are of parallel regions: in the order of the machine. */
  readonly regions?: readonly string[];
}

/** The resource a state change happened to, as its row is after the change. */
export interface ChangedResource {
  readonly resource: string;
  readonly uuid: string;
  readonly revision: number;
  readonly tenancy?: Tenancy;
}

/**
 * Puts a state change into words: the state event first, then one event for each effect, of the same
 * revision and caused by the first. Pure, but for `nextId`, which is called once for each entry in
 * their order.
 */
export function announceChange(
  subject: ChangedResource,
  change: StateChange,
  options: {
    readonly effects: readonly Effect[];
    readonly origin: EventContext;
    readonly reason?: string | undefined;
    readonly nextId: () => string;
  },
): readonly JournalEntry[] {
  const { effects, origin, reason, nextId } = options;
  const facts = {
    subject: { resource: subject.resource, uuid: subject.uuid },
    revision: subject.revision,
    ...(subject.tenancy === undefined ? {} : { tenancy: subject.tenancy }),
  };
  const id = nextId();
  const state = journalEntry({
    ...facts,
    id,
    origin,
    category: 'ResourceStateEvent',
    type: change.event,
    data: reason == null ? stateData(change) : { ...stateData(change), reason },
  });
  if (effects.length === 0) {
    return [state];
  }
  const caused = { ...origin, causationId: id };
  return [
    state,
    ...effects.map((effect) =>
      journalEntry({
        ...facts,
        id: nextId(),
        origin: caused,
        category: effect.category,
        type: effect.type,
        data: effectData(effect, change, subject),
      }),
    ),
  ];
}

/**
 * Puts into words the alert of a deadline that passed and moves nothing. Pure. `resource.revision` is
 * the revision that armed the deadline.
 */
export function announceDeadline(
  subject: ChangedResource,
  stuck: { readonly state: string; readonly deadline: string; readonly alert: Effect },
  options: { readonly origin: EventContext; readonly nextId: () => string },
): JournalEntry {
  const { alert, state, deadline } = stuck;
  return journalEntry({
    id: options.nextId(),
    origin: options.origin,
    category: 'AlertEvent',
    type: alert.type,
    subject: { resource: subject.resource, uuid: subject.uuid },
    revision: subject.revision,
    ...(subject.tenancy === undefined ? {} : { tenancy: subject.tenancy }),
    data: {
      subject: `${alert.type}: ${subject.resource} ${subject.uuid} has been in ${state} for too long`,
      details: { ...alert.data, deadline, state },
    },
  });
}

/** The `data` of a state event, its keys in the order of the wire and without a reason. Pure. */
export function stateData(change: StateChange): StateChange {
  const regions = movedRegions(change.old, change.new);
  return {
    event: change.event,
    ...(change.deadline === undefined ? {} : { deadline: change.deadline }),
    old: change.old,
    new: change.new,
    lifecycleVersion: change.lifecycleVersion,
    changed: change.changed,
    ...(regions.length === 0 ? {} : { regions }),
  };
}

/**
 * The `data` of an event that a transition announces besides its state change. Pure. Of the resource
 * only `resource` and `uuid` are read, and only by alerts.
 */
export function effectData(
  effect: Effect,
  change: Pick<StateChange, 'event' | 'old' | 'new'>,
  subject: Pick<ChangedResource, 'resource' | 'uuid'>,
): JsonObject {
  const details = {
    ...effect.data,
    transition: { event: change.event, old: change.old, new: change.new },
  };
  switch (effect.category) {
    case 'UsageEvent':
      return { details };
    case 'ActionEvent':
      return { status: 'Completed', details };
    case 'AlertEvent':
      return { subject: alertSubject(effect, change, subject), details };
  }
}

function alertSubject(
  effect: Effect,
  change: Pick<StateChange, 'event' | 'old' | 'new'>,
  { resource, uuid }: Pick<ChangedResource, 'resource' | 'uuid'>,
): string {
  return (
    `${effect.type}: ${resource} ${uuid} went from ${change.old ?? 'nothing'} ` +
    `to ${change.new ?? 'nothing'} on ${change.event}`
  );
}
