import { rememberedAfter } from '../../core/lifecycle/remembered.js';
import { rememberedIn } from './simulated-rows.js';
import { RefusedError } from '../../core/errors/errors.js';
import type { TableRow } from '../../core/lifecycle/lifecycle.js';
import { readRole, type Role, type Simulated, writeRole } from './simulated-resource.js';
import { guardedRoles, type Origin } from './simulated-rows.js';

/** A step that was sent to an entity and waits for its save. */
export interface SentStep {
  readonly row: TableRow;
  readonly origin: Origin;
  readonly reason: string | undefined;
}

type Guarded = Readonly<Partial<Record<Role, unknown>>>;

interface Remembered {
  readonly simulated: Simulated;
  /** Lifecycle columns of the entity as they were last read or written. */
  readonly agreed: Guarded;
  readonly sent: readonly SentStep[];
}

/** Tracks the entities that a simulation has handed out. */
export class EntityMemory {
  readonly #entities = new WeakMap<object, Remembered>();

  /** The resource of an entity that was created or read here. */
  resourceOf(entity: object): Simulated | undefined {
    return this.#entities.get(entity)?.simulated;
  }

  /** The lifecycle's properties when entity and row last agreed; undefined for a new entity. */
  agreed(entity: object): Guarded | undefined {
    return this.#entities.get(entity)?.agreed;
  }

  /** The steps sent since then. */
  sent(entity: object): readonly SentStep[] {
    return this.#entities.get(entity)?.sent ?? [];
  }

  /** Entity and row agree as the entity is now; nothing is sent. */
  agree(simulated: Simulated, entity: object): void {
    this.#entities.set(entity, { simulated, agreed: guardedOf(simulated, entity), sent: [] });
  }

  /** Notes a step, and sets the entity to where it leads. Until the save its revision is NaN. */
  send(simulated: Simulated, entity: object, step: SentStep, before: readonly SentStep[]): void {
    const agreed = this.agreed(entity) ?? guardedOf(simulated, entity);
    const sent = [...before, step];
    this.#entities.set(entity, { simulated, agreed, sent });
    writeRole(simulated, entity, 'state', step.row.to);
    const { histories } = simulated.lifecycle.table;
    if (step.row.remembers !== undefined) {
      const known = rememberedIn(simulated, entity);
      writeRole(simulated, entity, 'remembered', rememberedAfter(histories, known, step.row));
    }
    writeRole(simulated, entity, 'revision', Number.NaN);
  }

  /** Forgets what was sent, and sets the entity to what it was before. */
  takeBack(simulated: Simulated, entity: object): void {
    for (const role of guardedRoles) {
      writeRole(simulated, entity, role, this.agreed(entity)?.[role]);
    }
    this.agree(simulated, entity);
  }

  /**
   * Throws RefusedError STATE_WRITTEN_DIRECTLY when a property that only a transition writes is not
   * what it was left as; what was sent is taken back then.
   */
  assertUntouched(simulated: Simulated, entity: object): void {
    const sent = this.sent(entity);
    const agreed = this.agreed(entity) ?? {};
    const last = sent.at(-1);
    const left: Guarded =
      last === undefined
        ? agreed
        : {
            ...agreed,
            state: last.row.to,
            revision: Number.NaN,
            ...rememberedBy(simulated, agreed, sent),
          };
    const now = guardedOf(simulated, entity);
    const written = guardedRoles.find((role) => !isSame(now[role], left[role]));
    if (written === undefined) return;
    if (last !== undefined) this.takeBack(simulated, entity);
    const named = simulated.columns[written] ?? written;
    const property = typeof named === 'string' ? named : Object.values(named).join(', ');
    throw RefusedError.of(
      'STATE_WRITTEN_DIRECTLY',
      `The save of ${simulated.resource} ${String(agreed.uuid)} changes '${property}', which only a ` +
        'transition does. Call send(entity, event) before saving, or leave it as it was read.',
      { resource: simulated.resource, uuid: String(agreed.uuid), property },
    );
  }
}

/** Returns the remembered state of the entity once the sent steps are written. */
function rememberedBy(
  { lifecycle: { table } }: Simulated,
  agreed: Guarded,
  sent: readonly SentStep[],
): Guarded {
  if (sent.every(({ row }) => row.remembers === undefined)) return {};
  return {
    remembered: sent.reduce(
      (known, { row }) => rememberedAfter(table.histories, known, row),
      (agreed.remembered as string | null | undefined) ?? null,
    ),
  };
}

function guardedOf(simulated: Simulated, entity: object): Guarded {
  return Object.fromEntries(guardedRoles.map((role) => [role, readRole(simulated, entity, role)]));
}

function isSame(one: unknown, other: unknown): boolean {
  return one instanceof Date && other instanceof Date ? +one === +other : Object.is(one, other);
}
