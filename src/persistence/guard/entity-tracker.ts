import type { QueryRunner } from 'typeorm';
import type { ResourceBinding } from '../resource/binding.js';
import { type GuardedValues, readGuarded } from './entity-roles.js';
import type { PendingSteps } from './send.js';
import type { EntityDescription } from './subscriber-parts.js';
import { transactionOf } from './transaction-log.js';

/** Tracks entities in memory: their snapshots and their queued steps. Forgets them with the entities. */
export class EntityTracker {
  readonly #agreed = new WeakMap<object, GuardedValues>();
  readonly #pending = new WeakMap<object, PendingSteps>();
  readonly #described = new WeakMap<object, EntityDescription>();
  readonly #complete = new WeakSet();
  readonly #saving = new WeakSet();
  readonly #transactions = new WeakMap<
    object,
    { readonly runner: QueryRunner; readonly transaction: object }
  >();

  /** The guarded values as they last agreed with the row; undefined for an entity never read. */
  agreed(entity: object): GuardedValues | undefined {
    return this.#agreed.get(entity);
  }

  /** Notes that the entity agrees with its row as it is now. */
  snapshot(binding: ResourceBinding, entity: object): void {
    this.#agreed.set(entity, readGuarded(binding, entity));
  }

  /** Puts an earlier agreement back, or none. */
  restoreAgreed(entity: object, values: GuardedValues | undefined): void {
    if (values === undefined) {
      this.#agreed.delete(entity);
    } else {
      this.#agreed.set(entity, values);
    }
  }

  /** Notes that the entity was created here: what it does not have, its row does not have either. */
  complete(entity: object): void {
    this.#complete.add(entity);
  }

  /** Notes that a save is writing what was sent, until the returned function is called. */
  saving(entity: object): () => void {
    this.#saving.add(entity);
    return () => {
      this.#saving.delete(entity);
    };
  }

  /** Whether steps were sent to the entity and no save is writing them. */
  isUnsaved(entity: object): boolean {
    return this.#pending.has(entity) && !this.#saving.has(entity);
  }

  /** Notes that the entity was read or written in the transaction that is open on the runner, if one is. */
  seenIn(entity: object, runner: QueryRunner): void {
    const transaction = transactionOf(runner);
    if (transaction !== undefined) {
      this.#transactions.set(entity, { runner, transaction });
    }
  }

  /** The runner of the transaction in which the entity was last seen, while that is open. */
  openRunnerOf(entity: object): QueryRunner | undefined {
    const seen = this.#transactions.get(entity);
    return seen !== undefined && transactionOf(seen.runner) === seen.transaction
      ? seen.runner
      : undefined;
  }

  isComplete(entity: object): boolean {
    return this.#complete.has(entity);
  }

  pending(entity: object): PendingSteps | undefined {
    return this.#pending.get(entity);
  }

  queue(entity: object, steps: PendingSteps): void {
    this.#pending.set(entity, steps);
  }

  settle(entity: object): void {
    this.#pending.delete(entity);
  }

  /** Remembers all that is known of an entity; the returned function knows no more and no less again. */
  remember(entity: object): () => void {
    const maps = [this.#agreed, this.#pending, this.#described] as const;
    const known = maps.map((map: WeakMap<object, object>) => [map, map.get(entity)] as const);
    return () => {
      for (const [map, value] of known) {
        if (value === undefined) map.delete(entity);
        else map.set(entity, value);
      }
    };
  }

  describe(entity: object, description: EntityDescription): void {
    this.#described.set(entity, description);
  }

  /** The description of what is about to happen, once. */
  takeDescription(entity: object): EntityDescription {
    const description = this.#described.get(entity) ?? {};
    this.#described.delete(entity);
    return description;
  }
}
