import type { EntityManager, QueryRunner } from 'typeorm';
import { nextEventId } from '../../core/identity/event-id.js';
import { refuseOversized } from '../../core/planning/payload-limit.js';
import { type LockedRow, planStep } from '../../core/planning/plan.js';
import { recovered, softRemoved } from '../../core/planning/transition-announcements.js';
import type { TableRow } from '../../core/lifecycle/lifecycle.js';
import { openTransaction } from '../commit/open-transaction.js';
import type { ResourceBinding } from '../resource/binding.js';
import type { EntityTracker } from './entity-tracker.js';
import {
  readGuarded,
  readHidden,
  readRole,
  revisionProperty,
  writeGuarded,
  writeHidden,
  writeRole,
} from './entity-roles.js';
import type { SaveGuard } from './save-guard.js';
import type { SubscriberParts } from './subscriber-parts.js';
import { onRollback, markIncomplete } from './transaction-log.js';
import { lockAsRead } from './lock-as-read.js';

/**
 * Announces that TypeORM hides a row (`softRemove`) or shows it again (`recover`). The resource keeps
 * its state, its lifecycle and its deadlines, and takes a revision. Steps that were sent to the entity
 * are written first, and tell the change by themselves.
 */
export class SoftRemovalWriter {
  readonly #parts: Required<Pick<SubscriberParts, 'store' | 'origin' | 'maxPayload'>>;
  readonly #memory: EntityTracker;
  readonly #saves: SaveGuard;
  readonly #softRemoval = new WeakMap<QueryRunner, Map<object, () => void>>();

  constructor(
    parts: Required<Pick<SubscriberParts, 'store' | 'origin' | 'maxPayload'>>,
    memory: EntityTracker,
    saves: SaveGuard,
  ) {
    this.#parts = parts;
    this.#memory = memory;
    this.#saves = saves;
  }

  /**
   * Writes what was sent to the entity, else announces the change, and lets TypeORM's statement that
   * follows pass. Throws ConflictError where the row is at another revision than the entity.
   *
   * @param hides Whether the row is to be hidden or shown.
   */
  async announce(
    binding: ResourceBinding,
    manager: EntityManager,
    entity: object,
    databaseEntity: object | undefined,
    hides: boolean,
  ): Promise<void> {
    const runner = openTransaction(manager);
    const sent = this.#memory.pending(entity) !== undefined;
    if (sent) {
      await this.#saves.apply(binding, manager, entity, databaseEntity);
    }
    const hidden =
      databaseEntity === undefined ? undefined : readHidden(binding, databaseEntity) != null;
    if (!sent && hidden !== hides) {
      await this.#announce(binding, manager, entity, hides);
      if (databaseEntity !== undefined) {
        writeGuarded(binding, databaseEntity, readGuarded(binding, entity));
      }
    }
    this.expect(binding, runner, entity, hides ? 'The soft removal' : 'The recovery');
  }

  /** Lets a statement of TypeORM pass that writes the deletion date of this entity. */
  expect(binding: ResourceBinding, runner: QueryRunner, entity: object, what: string): void {
    const uuid = String(readRole(binding, entity, 'uuid'));
    const softRemoval = this.#on(runner);
    const before = readHidden(binding, entity);
    softRemoval.set(entity, markIncomplete(runner, `${what} of ${binding.resource} ${uuid}`));
    onRollback(runner, () => {
      softRemoval.delete(entity);
      writeHidden(binding, entity, before);
    });
  }

  /** Whether a statement that hides or shows a row is expected on this runner. */
  isSoftRemoval(runner: QueryRunner): boolean {
    return (this.#softRemoval.get(runner)?.size ?? 0) > 0;
  }

  /** Notes that the statement was executed, and that entity and row agree. */
  settle(binding: ResourceBinding, runner: QueryRunner, entity: object): void {
    const softRemoval = this.#on(runner);
    const whole = softRemoval.get(entity);
    if (whole !== undefined) {
      softRemoval.delete(entity);
      whole();
      this.#memory.snapshot(binding, entity);
    }
  }

  async #announce(
    binding: ResourceBinding,
    manager: EntityManager,
    entity: object,
    hides: boolean,
  ): Promise<void> {
    const { store, maxPayload } = this.#parts;
    const { reason, ...context } = this.#memory.takeDescription(entity);
    const { uuid, row } = await lockAsRead(store, binding, manager, entity);
    const origin = this.#parts.origin(context);
    const plan = planStep(
      binding,
      row,
      { uuid, origin, ...(reason === undefined ? {} : { reason }) },
      stayingStep(row, hides ? softRemoved : recovered),
      nextEventId,
    );
    refuseOversized(plan.entries, maxPayload);
    await store.applyWithin(manager, binding.beforeSave, [plan]);
    const before = readRole(binding, entity, 'revision');
    const agreed = this.#memory.agreed(entity);
    const revision = revisionProperty(binding, entity, plan.update.revision);
    writeRole(binding, entity, 'revision', revision);
    writeRole(binding, entity, 'lifecycleVersion', plan.update.lifecycleVersion);
    this.#memory.snapshot(binding, entity);
    onRollback(openTransaction(manager), () => {
      this.#memory.restoreAgreed(entity, agreed);
      writeRole(binding, entity, 'revision', before);
      writeRole(binding, entity, 'lifecycleVersion', agreed?.lifecycleVersion);
    });
  }

  #on(runner: QueryRunner): Map<object, () => void> {
    const known = this.#softRemoval.get(runner);
    if (known !== undefined) {
      return known;
    }
    const softRemoval = new Map<object, () => void>();
    this.#softRemoval.set(runner, softRemoval);
    return softRemoval;
  }
}

/** A step that leaves the resource in its state, its deadlines as they are. */
function stayingStep({ state }: LockedRow, event: string): TableRow {
  return {
    lawful: true,
    from: state,
    event,
    to: state,
    next: state,
    changed: false,
    effects: [],
    guards: [],
    arms: [],
    cancels: [],
  };
}
