import { withArticle } from '../../core/lifecycle/with-article.js';
import { RefusedError } from '../../core/errors/errors.js';
import {
  deadlineExceeded,
  type AnyLifecycle,
  type Deadline,
} from '../../core/lifecycle/lifecycle.js';
import { firstLawfulRow } from '../../core/lifecycle/guards.js';
import { readRemembered } from '../../core/lifecycle/remembered.js';
import { cancels } from '../../core/planning/deadline-place.js';
import { refuseOversized } from '../../core/planning/payload-limit.js';
import {
  planTransition,
  unknownResource,
  type LockedRow,
  type PlannedTransition,
} from '../../core/planning/plan.js';
import { announceChange, announceDeadline } from '../../core/planning/transition-announcements.js';
import { defaultPayloadLimit } from '../../core/json/plain-json.js';
import { firstDue } from '../armed-deadlines.js';
import { observe } from '../observation.js';
import {
  observeDeadlineRefusal,
  observedStep,
  observeRefusal,
  observeRow,
} from '../observed-step.js';
import { readRole, writeRole, type Role, type Simulated } from './simulated-resource.js';

/** Request of a transition. */
export type Request = Parameters<typeof planTransition>[2];

/** Actor, time and reason. */
export type Origin = Request['origin'];

type Entry = PlannedTransition['entries'][number];
type Change = Parameters<typeof announceChange>[1];

/** A deadline of a row. */
interface Armed {
  readonly row: Row;
  readonly id: string;
  readonly due: number;
  /** The revision that armed it. */
  readonly revision: number;
}

interface Row {
  readonly simulated: Simulated;
  readonly uuid: string;
  /** The entity as it was last written; never handed out. */
  entity: object;
}

/** Services that simulated rows use. */
export interface Surroundings {
  readonly now: () => number;
  readonly nextId: () => string;
  /** Returns the context of transitions by deadline. */
  readonly clockOrigin: () => Origin;
  /** Told of every event, in order. */
  readonly announce: (entry: Entry) => void;
}

/**
 * The rows of every simulated resource. Decides by the code that the real stores decide by; only
 * where it keeps things is its own. Each method is all or nothing.
 */
export class SimulatedRows {
  readonly #world: Surroundings;
  readonly #rows = new Map<string, Row>();
  readonly #armed = new Map<string, Armed>();

  constructor(world: Surroundings) {
    this.#world = world;
  }

  /** The entity of a row as it was last written; undefined when there is none. Not to be changed. */
  read({ resource }: Simulated, uuid: string): object | undefined {
    return this.#rows.get(`${resource}/${uuid}`)?.entity;
  }

  /** Writes and announces a resource that is created; sets what a lifecycle keeps on the entity. */
  insert(simulated: Simulated, entity: object, origin: Origin, reason: string | undefined): void {
    const { lifecycle, resource } = simulated;
    const uuid = String(readRole(simulated, entity, 'uuid'));
    const state = (readRole(simulated, entity, 'state') ?? lifecycle.initial) as string;
    const creation = lifecycle.table.creations.get(state);
    if (creation === undefined) throw unknownCreation(lifecycle, uuid, state);
    const key = `${resource}/${uuid}`;
    if (this.#rows.has(key)) {
      throw RefusedError.of(
        'CONSTRAINT_VIOLATED',
        `There is ${withArticle(resource)} ${uuid} already.`,
        {
          kind: 'unique',
          resource,
          uuid,
        },
      );
    }
    const entries = announceChange(
      { resource, uuid, revision: 1, tenancy: tenancyOf(simulated, entity) },
      {
        event: 'Created',
        old: null,
        new: state,
        lifecycleVersion: lifecycle.version,
        changed: true,
      },
      { effects: creation.effects, origin, reason, nextId: this.#world.nextId },
    );
    refuseOversized(entries, defaultPayloadLimit);
    const written = { state, revision: 1, lifecycleVersion: lifecycle.version, uuid };
    setRoles(simulated, entity, {
      ...written,
      stateSince: new Date(origin.time),
      ...(lifecycle.table.histories.size === 0 ? {} : { remembered: null }),
    });
    const row = { simulated, uuid, entity: copyOf(entity) };
    this.#rows.set(key, row);
    this.#arm(row, creation.arms, 1);
    observe({ kind: 'state', lifecycle, state });
    entries.forEach(this.#world.announce);
  }

  /** Moves a row by one lawful step. Throws the refusal or the conflict. */
  transition(simulated: Simulated, request: Request): PlannedTransition {
    const row = this.#rows.get(`${simulated.resource}/${request.uuid}`);
    // As the stores do: the entity is read only where a guard may decide.
    const asksGuards =
      request.deadline !== undefined || simulated.lifecycle.table.guardedEvents.has(request.event);
    const context = row === undefined || !asksGuards ? undefined : simulated.context(row.entity);
    const locked = row === undefined ? undefined : lockedRow(row);
    const deadline = request.deadline?.id;
    const plan = planTransition(simulated, locked, request, {
      context,
      armedRevision:
        deadline === undefined
          ? undefined
          : this.#armed.get(armedKey(simulated, request.uuid, deadline))?.revision,
      nextId: this.#world.nextId,
    });
    if (plan instanceof Error) {
      if (locked !== undefined && plan instanceof RefusedError) {
        const position = { state: locked.state, context, remembered: locked.remembered };
        if (deadline === undefined) observeRefusal(simulated.lifecycle, position, eventOf(request));
        else observeDeadlineRefusal(simulated.lifecycle, position, deadline);
      }
      throw plan;
    }
    this.apply(simulated, [plan]);
    observePlan(simulated.lifecycle, request, plan, context, locked?.remembered);
    return plan;
  }

  /** Writes planned transitions of one row and announces them: all, or none of them. */
  apply(simulated: Simulated, plans: readonly PlannedTransition[]): void {
    for (const { entries } of plans) refuseOversized(entries, defaultPayloadLimit);
    for (const { outcome, update, entries, deadlines } of plans) {
      const row = this.row(simulated, outcome.uuid);
      const { stateSince, ...written } = update;
      const entity = copyOf(row.entity);
      setRoles(simulated, entity, {
        ...written,
        ...(stateSince === undefined ? {} : { stateSince: new Date(stateSince) }),
      });
      row.entity = entity;
      this.#cancel(row, deadlines.cancels);
      this.#arm(row, deadlines.arms, update.revision);
      entries.forEach(this.#world.announce);
    }
  }

  /** Writes the entity's own values, and leaves to the row what the lifecycle keeps. */
  overwrite(simulated: Simulated, uuid: string, entity: object): void {
    const row = this.row(simulated, uuid);
    const written = copyOf(entity);
    for (const role of guardedRoles) {
      writeRole(simulated, written, role, readRole(simulated, row.entity, role));
    }
    row.entity = written;
  }

  /** Removes a row, announces it and cancels its deadlines. */
  remove(simulated: Simulated, uuid: string, origin: Origin, reason: string | undefined): void {
    const row = this.row(simulated, uuid);
    const { lifecycle, resource } = simulated;
    const { state, revision, tenancy = {} } = lockedRow(row);
    const change: Change = {
      event: 'Removed',
      old: state,
      new: null,
      lifecycleVersion: lifecycle.version,
      changed: true,
    };
    const entries = announceChange({ resource, uuid, revision: revision + 1, tenancy }, change, {
      effects: [],
      origin,
      reason,
      nextId: this.#world.nextId,
    });
    refuseOversized(entries, defaultPayloadLimit);
    this.#rows.delete(`${resource}/${uuid}`);
    this.#cancel(row, 'all');
    entries.forEach(this.#world.announce);
  }

  /** When the next deadline is due, at `until` or before. */
  nextDue(until: number): number | undefined {
    return firstDue(this.#armed.values(), until)?.due;
  }

  /** Fires the deadline that is due first, if one is due now. */
  fireDue(): void {
    const due = firstDue(this.#armed.values(), this.#world.now());
    if (due === undefined) return;
    const { row, id, revision } = due;
    const { simulated, uuid } = row;
    const { state, tenancy = {} } = lockedRow(row);
    if (simulated.lifecycle.table.timeouts.get(state)?.has(id) === true) {
      try {
        this.transition(simulated, {
          uuid,
          event: deadlineExceeded,
          deadline: { id, revision },
          reason: `deadline ${id} passed`,
          origin: this.#world.clockOrigin(),
        });
        return;
      } catch (error) {
        // Refused by its guards: then it only raises its alert.
        if (!(error instanceof RefusedError)) throw error;
      }
    }
    const alert = simulated.lifecycle.table.deadlines.get(id)?.alert;
    this.#cancel(row, [id]);
    if (alert === undefined) return;
    const subject = { resource: simulated.resource, uuid, revision, tenancy };
    const how = { origin: this.#world.clockOrigin(), nextId: this.#world.nextId };
    this.#world.announce(announceDeadline(subject, { state, deadline: id, alert }, how));
  }

  /** A row that must be there. Throws RefusedError UNKNOWN_RESOURCE. */
  row(simulated: Simulated, uuid: string): Row {
    const row = this.#rows.get(`${simulated.resource}/${uuid}`);
    if (row === undefined) throw unknownResource(simulated, uuid);
    return row;
  }

  #arm(row: Row, deadlines: readonly Pick<Deadline, 'id' | 'after'>[], revision: number): void {
    for (const { id, after } of deadlines) {
      const key = armedKey(row.simulated, row.uuid, id);
      this.#armed.delete(key);
      this.#armed.set(key, { row, id, due: this.#world.now() + after, revision });
    }
  }

  #cancel(row: Row, cancelled: readonly string[] | 'all'): void {
    for (const id of row.simulated.lifecycle.table.deadlines.keys()) {
      if (cancelled === 'all' || cancelled.some((each) => cancels(each, id)))
        this.#armed.delete(armedKey(row.simulated, row.uuid, id));
    }
  }
}

/** The roles that only a transition writes. */
export const guardedRoles = [
  'uuid',
  'state',
  'revision',
  'stateSince',
  'lifecycleVersion',
  'remembered',
] as const satisfies readonly Role[];

/** A row as planning reads it. */
export function lockedRow({ simulated, uuid, entity }: Row): LockedRow {
  return {
    uuid,
    state: String(readRole(simulated, entity, 'state')),
    revision: Number(readRole(simulated, entity, 'revision')),
    tenancy: tenancyOf(simulated, entity),
    ...(simulated.lifecycle.table.histories.size === 0
      ? {}
      : { remembered: rememberedIn(simulated, entity) }),
  };
}

/** Returns the remembered state of an entity. */
export function rememberedIn(simulated: Simulated, entity: object): string | null {
  return (readRole(simulated, entity, 'remembered') as string | null | undefined) ?? null;
}

/** An entity of the same class with the same values. */
export function copyOf<T extends object>(entity: T): T {
  return Object.assign(Object.create(Object.getPrototypeOf(entity) as object) as T, entity);
}

function setRoles(
  simulated: Simulated,
  entity: object,
  values: Readonly<Partial<Record<Role, unknown>>>,
): void {
  for (const [role, value] of Object.entries(values)) {
    writeRole(simulated, entity, role as Role, value);
  }
}

function tenancyOf(simulated: Simulated, entity: object): NonNullable<LockedRow['tenancy']> {
  const read = (role: Role): string | null =>
    (readRole(simulated, entity, role) as string | null | undefined) ?? null;
  return { account: read('account'), domain: read('domain'), project: read('project') };
}

function armedKey({ resource }: Simulated, uuid: string, deadline: string): string {
  return `${resource}/${uuid}/${deadline}`;
}

function eventOf({ event, payload }: Request): { readonly type: string } {
  return { ...payload, type: event };
}

/** Tells lifecycle coverage of a planned transition: the row that planning took is found again. */
function observePlan(
  lifecycle: AnyLifecycle,
  request: Request,
  { outcome }: PlannedTransition,
  context: unknown,
  remembered: LockedRow['remembered'],
): void {
  if (request.deadline === undefined) {
    observedStep(lifecycle, { state: outcome.old, context, remembered }, eventOf(request));
    return;
  }
  const rows = lifecycle.table.timeouts.get(outcome.old)?.get(request.deadline.id) ?? [];
  const event = { type: deadlineExceeded, deadline: request.deadline.id };
  const memory = readRemembered(lifecycle.table.histories, remembered);
  const row = firstLawfulRow(rows, context, event, memory);
  if (row !== undefined) observeRow(lifecycle, row);
}

function unknownCreation(
  { resource, initialStates: creations }: AnyLifecycle,
  uuid: string,
  state: string,
): RefusedError {
  return RefusedError.of(
    'UNKNOWN_INITIAL_STATE',
    `${resource} ${uuid} cannot be created in '${state}'. It can be created in ${creations.join(', ')}.`,
    { resource, uuid, state, creations },
  );
}
