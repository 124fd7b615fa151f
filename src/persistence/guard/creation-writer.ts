import type { EntityManager, QueryRunner } from 'typeorm';
import { v7 } from 'uuid';
import { RefusedError } from '../../core/errors/errors.js';
import type { Creation } from '../../core/lifecycle/lifecycle.js';
import { canonicalUuid } from '../../core/identity/uuid.js';
import type { ResourceBinding } from '../resource/binding.js';
import { bypassRefused, directWriteRefused } from './bypass.js';
import { timeProperty } from './column-values.js';
import type { EntityTracker } from './entity-tracker.js';
import {
  entityTenancy,
  type GuardedValues,
  guardedRoles,
  propertyOf,
  readGuarded,
  readRole,
  sameValue,
  writeRole,
} from './entity-roles.js';
import { nextEventId } from '../../core/identity/event-id.js';
import { openTransaction } from '../commit/open-transaction.js';
import type { EventContext } from '../../core/planning/event-context.js';
import { refuseOversized } from '../../core/planning/payload-limit.js';
import { unknownResource } from '../../core/planning/plan.js';
import type { SubscriberParts } from './subscriber-parts.js';
import { announceChange, created } from '../../core/planning/transition-announcements.js';
import { onRollback, markIncomplete } from './transaction-log.js';

interface PreparedCreation {
  readonly binding: ResourceBinding;
  readonly uuid: string;
  readonly creation: Creation;
  readonly origin: EventContext;
  readonly reason: string | undefined;
  /** The guarded values it was prepared with: another hook may change them before the insert. */
  readonly values: GuardedValues;
  /** Set once the row is there: to be called when it is announced. */
  whole?: () => void;
}

/** Gives new entities their lifecycle columns, and announces them once they are inserted. */
export class CreationWriter {
  readonly #parts: Required<Pick<SubscriberParts, 'store' | 'origin' | 'maxPayload'>>;
  readonly #memory: EntityTracker;
  readonly #prepared = new WeakMap<QueryRunner, Map<object, PreparedCreation>>();

  constructor(
    parts: Required<Pick<SubscriberParts, 'store' | 'origin' | 'maxPayload'>>,
    memory: EntityTracker,
  ) {
    this.#parts = parts;
    this.#memory = memory;
  }

  /**
   * Fills uuid (UUIDv7) and state (the initial one) where absent, and the other lifecycle columns.
   * Throws RefusedError when the entity cannot be born like this; nothing is sent to the database.
   */
  prepare(binding: ResourceBinding, runner: QueryRunner, entity: object): void {
    const known = this.#memory.agreed(entity);
    if (known !== undefined) {
      // TypeORM inserts an entity whose row is gone; a removed resource does not come back.
      throw unknownResource(binding, String(known.uuid));
    }
    const { lifecycle } = binding;
    const uuid = this.#uuidOf(binding, entity);
    const creation = creationOf(binding, uuid, wantedState(binding, entity) ?? lifecycle.initial);
    const { reason, ...context } = this.#memory.takeDescription(entity);
    const origin = this.#parts.origin(context);
    writeRole(binding, entity, 'uuid', uuid);
    writeRole(binding, entity, 'state', creation.state);
    writeRole(binding, entity, 'revision', 1);
    writeRole(binding, entity, 'lifecycleVersion', lifecycle.version);
    writeRole(binding, entity, 'remembered', null);
    const since = binding.columns.stateSince;
    if (since !== undefined) {
      writeRole(binding, entity, 'stateSince', timeProperty(since, origin.time));
    }
    const creations = this.#creationsOn(runner);
    const values = readGuarded(binding, entity);
    creations.set(entity, { binding, uuid, creation, origin, reason, values });
    onRollback(runner, () => {
      creations.delete(entity);
      this.#memory.restoreAgreed(entity, undefined);
    });
  }

  /**
   * Notes that a statement inserted the prepared entities of a table, or failed to. Those that are
   * inserted must be announced before the commit.
   */
  inserted({ table }: ResourceBinding, runner: QueryRunner, success: boolean): void {
    const creations = this.#creationsOn(runner);
    for (const [entity, prepared] of creations) {
      if (prepared.whole !== undefined || prepared.binding.table !== table) {
        continue;
      }
      if (success) {
        const { resource } = prepared.binding;
        prepared.whole = markIncomplete(runner, `The creation of ${resource} ${prepared.uuid}`);
      } else {
        creations.delete(entity);
      }
    }
  }

  /** Announces a prepared entity that is inserted now, in the same transaction. */
  async announce(binding: ResourceBinding, manager: EntityManager, entity: object): Promise<void> {
    const creations = this.#creationsOn(openTransaction(manager));
    const prepared = creations.get(entity);
    if (prepared === undefined) {
      throw bypassRefused(binding, 'An insert that was not prepared', 'Use manager.save(entity).');
    }
    const { uuid, creation, origin, reason, values } = prepared;
    const changed = guardedRoles.find(
      (role) => !sameValue(role, readRole(binding, entity, role), values[role]),
    );
    if (changed !== undefined) {
      throw directWriteRefused(binding, entity, propertyOf(binding, changed));
    }
    const { resource, lifecycle } = binding;
    const { store, maxPayload } = this.#parts;
    const entries = announceChange(
      { resource, uuid, revision: 1, tenancy: entityTenancy(binding, entity) },
      {
        event: created,
        old: null,
        new: creation.state,
        lifecycleVersion: lifecycle.version,
        changed: true,
      },
      { effects: creation.effects, origin, reason, nextId: nextEventId },
    );
    refuseOversized(entries, maxPayload);
    await store.appendWithin(manager, entries);
    if (creation.arms.length > 0) {
      await store.scheduleWithin(manager, {
        resource,
        uuid,
        revision: 1,
        version: lifecycle.version,
        arms: creation.arms,
        cancels: [],
      });
    }
    creations.delete(entity);
    prepared.whole?.();
    this.#memory.snapshot(binding, entity);
    this.#memory.complete(entity);
  }

  /** Whether an insert on this runner was prepared and is not announced yet. */
  isInserting(runner: QueryRunner): boolean {
    return (this.#prepared.get(runner)?.size ?? 0) > 0;
  }

  /** Forgets what was prepared on this runner and never inserted; its transaction is over. */
  forget(runner: QueryRunner): void {
    this.#prepared.delete(runner);
  }

  #uuidOf(binding: ResourceBinding, entity: object): string {
    const given = readRole(binding, entity, 'uuid');
    return given == null ? v7() : canonicalUuid(given as string);
  }

  #creationsOn(runner: QueryRunner): Map<object, PreparedCreation> {
    const known = this.#prepared.get(runner);
    if (known !== undefined) {
      return known;
    }
    const creations = new Map<object, PreparedCreation>();
    this.#prepared.set(runner, creations);
    return creations;
  }
}

/** The state that a new entity asks for; of regions that it says nothing of, their initial states. */
function wantedState(binding: ResourceBinding, entity: object): unknown {
  const { state, lifecycle } = binding;
  if (state.parts === undefined) return readRole(binding, entity, 'state');
  const initial = state.parts.split(lifecycle.initial);
  const given = state.columns.map(({ metadata }): unknown => metadata.getEntityValue(entity));
  return state.parts.join(
    given.map((value, index) => String((value as string | undefined) ?? initial[index])),
  );
}

function creationOf(binding: ResourceBinding, uuid: string, state: unknown): Creation {
  const { resource, lifecycle } = binding;
  const creation = lifecycle.table.creations.get(state as string);
  if (creation === undefined) {
    const text = String(state);
    throw RefusedError.of(
      'UNKNOWN_INITIAL_STATE',
      `${resource} ${uuid} cannot be created in '${text}'. It can be created in ${lifecycle.initialStates.join(', ')}.`,
      { resource, uuid, state: text, creations: lifecycle.initialStates },
    );
  }
  return creation;
}
