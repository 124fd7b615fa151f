import type { ResourceBinding } from '../resource/binding.js';
import { type GuardedValues, readGuarded } from './entity-roles.js';
import type { PendingSteps } from './send.js';
import type { EntityDescription } from './subscriber-parts.js';

/** What is known of entities in memory besides what they hold. Forgets them with the entities. */
export class EntityMemory {
  readonly #agreed = new WeakMap<object, GuardedValues>();
  readonly #pending = new WeakMap<object, PendingSteps>();
  readonly #described = new WeakMap<object, EntityDescription>();
  readonly #complete = new WeakSet();

  /** The guarded values as they last agreed with the row; undefined for an entity never read. */
  agreed(entity: object): GuardedValues | undefined {
    return this.#agreed.get(entity);
  }

  /** Notes that the entity agrees with its row as it is now. */
  agree(binding: ResourceBinding, entity: object): void {
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

  isComplete(entity: object): boolean {
    return this.#complete.has(entity);
  }

  pending(entity: object): PendingSteps | undefined {
    return this.#pending.get(entity);
  }

  pend(entity: object, steps: PendingSteps): void {
    this.#pending.set(entity, steps);
  }

  settle(entity: object): void {
    this.#pending.delete(entity);
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
