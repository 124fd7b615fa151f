import type { EntityManager, QueryRunner } from 'typeorm';
import { v7 } from 'uuid';
import { RefusedError } from '../errors/errors.js';
import type { Birth } from '../lifecycle/lifecycle.js';
import { canonicalUuid } from '../uuid.js';
import type { ResourceBinding } from './binding.js';
import { bypassRefused } from './bypass.js';
import { timeProperty } from './column-values.js';
import type { EntityMemory } from './entity-memory.js';
import { entityTenancy, readRole, writeRole } from './entity-roles.js';
import { nextEventId } from './event-id.js';
import { openTransaction } from './open-transaction.js';
import type { EventOrigin } from './origin.js';
import { refuseOversized } from './payload-limit.js';
import { unknownResource } from './plan.js';
import type { SubscriberParts } from './subscriber-parts.js';
import { announceChange, created } from './transition-announcements.js';
import { onRollback } from './transaction-log.js';

interface PreparedBirth {
  readonly uuid: string;
  readonly birth: Birth;
  readonly origin: EventOrigin;
  readonly reason: string | undefined;
  readonly runner: QueryRunner;
}

/** Gives new entities their lifecycle columns, and announces them once they are inserted. */
export class BirthAnnouncer {
  readonly #parts: Required<Pick<SubscriberParts, 'store' | 'origin' | 'maxPayload'>>;
  readonly #memory: EntityMemory;
  readonly #prepared = new WeakMap<object, PreparedBirth>();
  readonly #inserting = new WeakMap<QueryRunner, number>();

  constructor(
    parts: Required<Pick<SubscriberParts, 'store' | 'origin' | 'maxPayload'>>,
    memory: EntityMemory,
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
    const birth = birthOf(binding, uuid, readRole(binding, entity, 'state') ?? lifecycle.initial);
    const { reason, ...context } = this.#memory.takeDescription(entity);
    const origin = this.#parts.origin(context);
    writeRole(binding, entity, 'uuid', uuid);
    writeRole(binding, entity, 'state', birth.state);
    writeRole(binding, entity, 'revision', 1);
    writeRole(binding, entity, 'lifecycleVersion', lifecycle.version);
    const since = binding.columns.stateSince;
    if (since !== undefined) {
      writeRole(binding, entity, 'stateSince', timeProperty(since, origin.time));
    }
    this.#prepared.set(entity, { uuid, birth, origin, reason, runner });
    this.#count(runner, 1);
    // An insert that fails has no hook of its own, but rolls its transaction back.
    onRollback(runner, () => {
      this.#take(entity);
      this.#memory.restoreAgreed(entity, undefined);
    });
  }

  /** Announces a prepared entity that is inserted now, in the same transaction. */
  async announce(binding: ResourceBinding, manager: EntityManager, entity: object): Promise<void> {
    openTransaction(manager);
    const prepared = this.#take(entity);
    if (prepared === undefined) {
      throw bypassRefused(binding, 'An insert that was not prepared', 'Use manager.save(entity).');
    }
    const { resource, lifecycle } = binding;
    const { uuid, birth, origin, reason } = prepared;
    const { store, maxPayload } = this.#parts;
    const entries = announceChange(
      { resource, uuid, revision: 1, tenancy: entityTenancy(binding, entity) },
      {
        event: created,
        old: null,
        new: birth.state,
        lifecycleVersion: lifecycle.version,
        changed: true,
      },
      { effects: birth.effects, origin, reason, nextId: nextEventId },
    );
    refuseOversized(entries, maxPayload);
    await store.appendWithin(manager, entries);
    if (birth.arms.length > 0) {
      await store.scheduleWithin(manager, {
        resource,
        uuid,
        revision: 1,
        arms: birth.arms,
        cancels: [],
      });
    }
    this.#memory.agree(binding, entity);
  }

  /** Whether an insert on this runner was prepared and is not announced yet. */
  isInserting(runner: QueryRunner): boolean {
    return (this.#inserting.get(runner) ?? 0) > 0;
  }

  #uuidOf(binding: ResourceBinding, entity: object): string {
    const given = readRole(binding, entity, 'uuid');
    return given == null ? v7() : canonicalUuid(given as string);
  }

  #take(entity: object): PreparedBirth | undefined {
    const prepared = this.#prepared.get(entity);
    if (prepared !== undefined) {
      this.#prepared.delete(entity);
      this.#count(prepared.runner, -1);
    }
    return prepared;
  }

  #count(runner: QueryRunner, difference: number): void {
    this.#inserting.set(runner, (this.#inserting.get(runner) ?? 0) + difference);
  }
}

function birthOf(binding: ResourceBinding, uuid: string, state: unknown): Birth {
  const { resource, lifecycle } = binding;
  const birth = lifecycle.table.births.get(state as string);
  if (birth === undefined) {
    const text = String(state);
    throw RefusedError.of(
      'UNKNOWN_BIRTH_STATE',
      `${resource} ${uuid} cannot be created in '${text}'. It can be born in ${lifecycle.births.join(', ')}.`,
      { resource, uuid, state: text, births: lifecycle.births },
    );
  }
  return birth;
}
