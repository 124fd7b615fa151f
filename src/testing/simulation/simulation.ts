import { rememberedIn } from './simulated-rows.js';
import { originSource } from '../../context/origin-source.js';
import type { AmbientContext } from '../../context/ambient.js';
import { RefusedError } from '../../core/errors/errors.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import { explain, type Explanation } from '../../core/lifecycle/explain.js';
import type { EventOf, StateOf } from '../../core/lifecycle/lifecycle.js';
import {
  eventStep,
  planStep,
  revisionConflict,
  unknownEvent,
  unknownState,
  type PlannedTransition,
} from '../../core/planning/plan.js';
import { canonicalUuid } from '../../core/identity/uuid.js';
import { type Duration, millisecondsOf } from '../duration.js';
import { observedStep, observeRefusal } from '../observed-step.js';
import { RecordedEvents } from '../recorded-events.js';
import { EntityMemory, type SentStep } from './entity-memory.js';
import {
  notSimulated,
  readRole,
  simulated,
  type Simulated,
  type SimulatedEntityOf,
  type SimulatedLifecycle,
  type SimulatedResource,
  writeRole,
} from './simulated-resource.js';
import { copyOf, guardedRoles, lockedRow, SimulatedRows, type Origin } from './simulated-rows.js';
import { VirtualClock } from './virtual-clock.js';

/** Actor and reason of a change; part of its events. */
export interface SimulatedChange extends AmbientContext {
  readonly reason?: string;
}

/** How a simulated transition is made; see `TransitionOptions` of the real SDK. */
export interface SimulatedTransitionOptions extends SimulatedChange {
  /** The revision you decided by: any other is a ConflictError. */
  readonly expectedRevision?: number;
  /** Values that guards may read besides the entity; not announced. */
  readonly payload?: Readonly<Record<string, unknown>>;
}

/** Outcome of a simulated transition. */
export interface SimulatedOutcome<TState extends string = string> {
  readonly uuid: string;
  readonly old: TState;
  readonly new: TState;
  readonly revision: number;
  /** False for a lawful self-transition. */
  readonly changed: boolean;
  /** Ids of the announced events, the state change first. */
  readonly events: readonly string[];
}

/** 2026-01-01, midnight UTC: a run tells the same times as the run before. */
const beginning = Date.UTC(2026, 0, 1);

/**
 * Simulates the SDK on these resources, without a database, a broker or a clock: the same lawfulness,
 * revisions, conflicts, effects, deadlines and events. Decides by the SDK's own code; a property test
 * holds the two together. What it does not do: transactions over several calls, and buses.
 *
 * @param resources Lifecycles, or the entity classes and mappings that `createSignalbox` takes.
 *
 * @example
 * ```ts
 * const cloud = simulate(volume);
 * const { uuid } = await cloud.create(volume);
 * await cloud.transition(volume, uuid, 'CreateRequested');
 * await cloud.advance({ hours: 1 });
 * cloud.events.where({ category: 'AlertEvent', uuid }); // the deadline of Creating has passed
 * ```
 */
export function simulate(
  ...resources: readonly [SimulatedResource, ...SimulatedResource[]]
): Simulation {
  return new Simulation(resources);
}

/** A simulated Signalbox. Code that needs a few of its methods takes either. */
export class Simulation {
  /** Every event that was announced, oldest first. */
  readonly events = new RecordedEvents();
  readonly #clock = new VirtualClock(beginning);
  readonly #origin = originSource('simulation', () => this.#clock.now);
  readonly #resources: ReadonlyMap<unknown, Simulated>;
  readonly #rows: SimulatedRows;
  readonly #memory = new EntityMemory();

  /** @internal Use `simulate`. */
  constructor(resources: readonly SimulatedResource[]) {
    this.#resources = new Map(resources.map((resource) => [resource, simulated(resource)]));
    this.#rows = new SimulatedRows({
      now: () => this.#clock.now,
      nextId: this.#clock.nextId,
      clockOrigin: () => this.#origin({ actor: 'signalbox' }),
      announce: ({ payload }) => this.events.record(JSON.parse(payload) as SignalboxEvent),
    });
  }

  /** The virtual time. Begins at 2026-01-01T00:00:00Z; only `advance` moves it. */
  get now(): Date {
    return new Date(this.#clock.now);
  }

  /**
   * Creates a resource and announces it.
   *
   * @param values Its own values; `uuid` and `state` have defaults.
   * @throws RefusedError UNKNOWN_INITIAL_STATE, MALFORMED_UUID. Nothing is written then.
   */
  async create<R extends SimulatedResource>(
    resource: R,
    values: Partial<SimulatedEntityOf<R>> = {},
    { reason, ...context }: SimulatedChange = {},
  ): Promise<SimulatedEntityOf<R>> {
    const found = this.#find(resource);
    const entity: object = Object.assign(
      found.entity === undefined ? {} : new found.entity(),
      values,
    );
    this.#insert(found, entity, this.#origin(context), reason);
    return entity as SimulatedEntityOf<R>;
  }

  /**
   * Moves a resource by one lawful step.
   *
   * @throws RefusedError when the event is not lawful now, the uuid is malformed or unknown.
   * @throws ConflictError when `expectedRevision` is not the resource's.
   */
  async transition<R extends SimulatedResource>(
    resource: R,
    uuid: string,
    event: EventOf<SimulatedLifecycle<R>>,
    { reason, expectedRevision, payload, ...context }: SimulatedTransitionOptions = {},
  ): Promise<SimulatedOutcome<StateOf<SimulatedLifecycle<R>>>> {
    const found = this.#find(resource);
    const canonical = canonicalUuid(uuid);
    this.#refuseUnknownEvent(found, canonical, event);
    const { outcome } = this.#rows.transition(found, {
      uuid: canonical,
      event,
      origin: this.#origin(context),
      ...(reason === undefined ? {} : { reason }),
      ...(expectedRevision === undefined ? {} : { expectedRevision }),
      ...(payload === undefined ? {} : { payload }),
    });
    return outcome as SimulatedOutcome<StateOf<SimulatedLifecycle<R>>>;
  }

  /**
   * Computes a lawful step of an entity and sets its state; `save` guards and announces it.
   *
   * @throws RefusedError at once when the event is not lawful in the entity's state.
   */
  send<TEntity extends object>(
    entity: TEntity,
    event: TEntity extends { readonly '~event'?: infer E } ? NonNullable<E> & string : string,
    { reason, payload, ...context }: Omit<SimulatedTransitionOptions, 'expectedRevision'> = {},
  ): void {
    const found = this.#foundOf(entity);
    const agreed = this.#memory.agreed(entity);
    if (agreed === undefined) throw neverSaved(found);
    const uuid = String(agreed.uuid);
    this.#refuseUnknownEvent(found, uuid, event);
    const sent = this.#memory.sent(entity);
    const state = String(readRole(found, entity, 'state'));
    const revision = Number(agreed.revision);
    if (!found.lifecycle.table.armed.has(state))
      throw unknownState(found, { uuid, state, revision });
    const guarded = found.context(entity);
    const given = payload === undefined ? event : { ...payload, type: event };
    const remembered = rememberedIn(found, entity);
    const row = eventStep(
      found,
      { uuid, state, remembered },
      { event, ...(payload && { payload }) },
      guarded,
    );
    if (row instanceof Error) {
      observeRefusal(found.lifecycle, { state, context: guarded, remembered }, given);
      throw row;
    }
    observedStep(found.lifecycle, { state, context: guarded, remembered }, given);
    this.#memory.send(found, entity, { row, origin: this.#origin(context), reason }, sent);
  }

  /**
   * Writes an entity with the transitions that were sent to it; a new entity is created. Resolves with
   * the entity.
   *
   * @throws ConflictError when the resource has moved since the entity was read; the entity is then as
   * before the first `send`.
   * @throws RefusedError STATE_WRITTEN_DIRECTLY when a lifecycle property was changed without `send`.
   */
  async save<TEntity extends object>(entity: TEntity): Promise<TEntity> {
    const found = this.#foundOf(entity);
    const agreed = this.#memory.agreed(entity);
    if (agreed === undefined) {
      this.#insert(found, entity, this.#origin(), undefined);
      return entity;
    }
    const uuid = String(agreed.uuid);
    this.#memory.assertUntouched(found, entity);
    this.#writeSent(found, entity, uuid);
    this.#rows.overwrite(found, uuid, entity);
    return entity;
  }

  /**
   * Removes a resource and announces it. Transitions that were sent are written before.
   *
   * @throws ConflictError when the resource has moved since the entity was read.
   */
  async remove<TEntity extends object>(
    entity: TEntity,
    { reason, ...context }: SimulatedChange = {},
  ): Promise<void> {
    const found = this.#foundOf(entity);
    const agreed = this.#memory.agreed(entity);
    if (agreed === undefined) throw neverSaved(found);
    const uuid = String(agreed.uuid);
    if (this.#memory.sent(entity).length > 0) this.#memory.assertUntouched(found, entity);
    this.#writeSent(found, entity, uuid);
    const row = lockedRow(this.#rows.row(found, uuid));
    const expected = Number(readRole(found, entity, 'revision'));
    if (row.revision !== expected) throw revisionConflict(found, row, expected);
    this.#rows.remove(found, uuid, this.#origin(context), reason);
  }

  /** Reads a resource: an entity of its own each time; undefined when there is none. */
  async find<R extends SimulatedResource>(
    resource: R,
    uuid: string,
  ): Promise<SimulatedEntityOf<R> | undefined> {
    const found = this.#find(resource);
    const row = this.#rows.read(found, canonicalUuid(uuid));
    if (row === undefined) return undefined;
    const entity = copyOf(row);
    this.#memory.agree(found, entity);
    return entity as SimulatedEntityOf<R>;
  }

  /**
   * Tells whether an event is lawful for a resource now, why not, and what is.
   *
   * @throws RefusedError MALFORMED_UUID, UNKNOWN_RESOURCE.
   */
  async explain<R extends SimulatedResource>(
    resource: R,
    uuid: string,
    event: EventOf<SimulatedLifecycle<R>>,
  ): Promise<Explanation> {
    const found = this.#find(resource);
    const { entity } = this.#rows.row(found, canonicalUuid(uuid));
    const state = String(readRole(found, entity, 'state'));
    const remembered = rememberedIn(found, entity);
    return explain(found.lifecycle, { state, context: found.context(entity), remembered }, event);
  }

  /**
   * Lets virtual time pass: every deadline that comes due fires at its own time, in order. Takes no
   * real time. Rejects with what a guard of a timeout throws, and with RangeError for a negative
   * duration.
   */
  async advance(duration: Duration): Promise<void> {
    const until = this.#clock.now + millisecondsOf(duration);
    for (let due = this.#rows.nextDue(until); due !== undefined; due = this.#rows.nextDue(until)) {
      this.#clock.set(due);
      this.#rows.fireDue();
    }
    this.#clock.set(until);
  }

  #insert(found: Simulated, entity: object, origin: Origin, reason: string | undefined): void {
    const given = readRole(found, entity, 'uuid');
    const uuid = given == null ? this.#clock.nextId() : canonicalUuid(given as string);
    writeRole(found, entity, 'uuid', uuid);
    this.#rows.insert(found, entity, origin, reason);
    this.#memory.agree(found, entity);
  }

  #writeSent(found: Simulated, entity: object, uuid: string): void {
    const sent = this.#memory.sent(entity);
    const [first] = sent;
    if (first === undefined) return;
    const expected = Number(this.#memory.agreed(entity)?.revision);
    this.#memory.takeBack(found, entity);
    let row = lockedRow(this.#rows.row(found, uuid));
    if (row.revision !== expected || row.state !== first.row.from) {
      throw revisionConflict(found, row, expected);
    }
    const plans = sent.map(({ row: step, origin, reason }: SentStep): PlannedTransition => {
      const request = { uuid, origin, ...(reason === undefined ? {} : { reason }) };
      const plan = planStep(found, row, request, step, this.#clock.nextId);
      row = { ...row, state: plan.update.state, revision: plan.update.revision };
      return plan;
    });
    this.#rows.apply(found, plans);
    const { entity: written } = this.#rows.row(found, uuid);
    for (const role of guardedRoles) {
      writeRole(found, entity, role, readRole(found, written, role));
    }
    this.#memory.agree(found, entity);
  }

  #refuseUnknownEvent(found: Simulated, uuid: string, event: string): void {
    if (!found.lifecycle.events.includes(event)) throw unknownEvent(found, uuid, String(event));
  }

  #find(resource: SimulatedResource): Simulated {
    const found = this.#resources.get(resource);
    if (found === undefined) {
      throw notSimulated('lifecycle' in resource ? resource.lifecycle.resource : resource.resource);
    }
    return found;
  }

  #foundOf(entity: object): Simulated {
    const known = this.#memory.resourceOf(entity);
    if (known !== undefined) return known;
    for (const found of this.#resources.values()) {
      if (found.entity !== undefined && entity instanceof found.entity) return found;
    }
    throw notSimulated(entity.constructor?.name ?? 'This object');
  }
}

function neverSaved({ resource }: Simulated): RefusedError {
  return RefusedError.of(
    'UNKNOWN_RESOURCE',
    `This ${resource} has no uuid, state and revision: save it first, or read it whole.`,
    { resource },
  );
}
