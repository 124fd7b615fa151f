import type { AmbientContext } from '../../context/ambient.js';
import { RefusedError } from '../../core/errors/errors.js';
import type { TableRow } from '../../core/lifecycle/lifecycle.js';
import { rememberedAfter } from '../../core/lifecycle/remembered.js';
import { rememberedText } from './column-values.js';
import type { ResourceBinding } from '../resource/binding.js';
import { type GuardedValues, readGuarded, readRole, writeRole } from './entity-roles.js';
import type { EventContext } from '../../core/planning/event-context.js';
import { type JudgedEntity, withContext } from './projected-context.js';
import { incompleteRow } from '../../core/planning/unusable-row.js';
import { eventStep, unknownEvent, unknownMemory, unknownState } from '../../core/planning/plan.js';

/** Options of `send()`: the context of the step, and what its guards may read. */
export interface SendOptions extends AmbientContext {
  /** Why: goes into the state event. */
  readonly reason?: string;
  /** Values that guards may read besides the context. */
  readonly payload?: Readonly<Record<string, unknown>>;
}

/** A step that was sent and waits for the save. */
export interface PendingStep {
  readonly step: TableRow;
  readonly origin: EventContext;
  readonly reason: string | undefined;
}

/** The steps sent to one entity since it was last in agreement with its row. */
export interface PendingSteps {
  /** The guarded values before the first of them. */
  readonly base: GuardedValues;
  readonly uuid: string;
  readonly revision: number;
  readonly steps: readonly [PendingStep, ...PendingStep[]];
}

/**
 * Computes the step that an entity takes on an event, and sets the entity to the state it leads to.
 * Sends nothing to the database. Several steps before one save are each their own revision and event.
 *
 * Until the save, the entity's revision is NaN: what it will be is known under the row lock. It also
 * makes sure that TypeORM finds something to save where the row has moved to the very same state
 * meanwhile, so that a lost race is a conflict and not a silent success; and where no guard of ours is
 * called, no database takes it for a whole number that is not null.
 *
 * @throws RefusedError when the event is unknown, not lawful in the entity's state, or the entity was
 * never saved. The entity is unchanged then.
 */
export function sendTo(
  binding: ResourceBinding,
  entity: object,
  pending: PendingSteps | undefined,
  request: {
    readonly event: string;
    readonly origin: EventContext;
    readonly options: SendOptions;
    /** The entity was created here and never read. */
    readonly complete: boolean;
  },
): PendingSteps {
  const { lifecycle } = binding;
  const { event, origin, options, complete } = request;
  const base = pending ?? agreement(binding, entity);
  if (!(lifecycle.events as readonly string[]).includes(event)) {
    throw unknownEvent(binding, base.uuid, event);
  }
  const state = readRole(binding, entity, 'state') as string;
  if (!lifecycle.table.armed.has(state)) {
    throw unknownState(binding, { uuid: base.uuid, state, revision: base.revision });
  }
  const remembered = rememberedText(readRole(binding, entity, 'remembered'));
  const unknown = unknownMemory(binding, { uuid: base.uuid, state, remembered }, event);
  if (unknown !== undefined) {
    throw unknown;
  }
  const judge = (context: unknown): TableRow | RefusedError =>
    eventStep(
      binding,
      { uuid: base.uuid, state, remembered },
      { event, ...(options.payload === undefined ? {} : { payload: options.payload }) },
      context,
    );
  const judged = { entity, loadedBy: 'caller', complete } as const;
  const found = lifecycle.table.guardedEvents.has(event)
    ? withContext(binding, judged, judge)
    : unguardedStep(binding, judged, judge);
  if (found instanceof Error) {
    throw found;
  }
  writeRole(binding, entity, 'state', found.to);
  if (found.remembers !== undefined) {
    const { histories } = lifecycle.table;
    writeRole(binding, entity, 'remembered', rememberedAfter(histories, remembered, found));
  }
  writeRole(binding, entity, 'revision', Number.NaN);
  const step = { step: found, origin, reason: options.reason };
  return {
    base: base.base,
    uuid: base.uuid,
    revision: base.revision,
    steps: pending === undefined ? [step] : [...pending.steps, step],
  };
}

function agreement(
  binding: ResourceBinding,
  entity: object,
): Pick<PendingSteps, 'base' | 'uuid' | 'revision'> {
  const base = readGuarded(binding, entity);
  const { uuid, state, revision } = base;
  if (uuid != null && (state === null || revision === null)) {
    const missing = state === null ? 'state' : 'revision';
    throw incompleteRow(binding, { uuid: String(uuid as string).toLowerCase(), missing }) as Error;
  }
  if (uuid == null || state == null || revision == null) {
    throw RefusedError.of(
      'UNKNOWN_RESOURCE',
      `This ${binding.resource} has no uuid, state and revision: save it first, or read it whole.`,
      { resource: binding.resource },
    );
  }
  return { base, uuid: String(uuid as string).toLowerCase(), revision: Number(revision) };
}

/** Reads the entity only for a refusal, which lists the events whose guards agree. */
function unguardedStep(
  binding: ResourceBinding,
  judged: JudgedEntity,
  judge: (context: unknown) => TableRow | RefusedError,
): TableRow | RefusedError {
  const found = judge(undefined);
  if (!(found instanceof Error)) {
    return found;
  }
  try {
    return withContext(binding, judged, judge);
  } catch {
    // An entity that was read in part is refused all the same.
    return found;
  }
}
