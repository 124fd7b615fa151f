import type { EntityManager, QueryRunner } from 'typeorm';
import type { ResourceBinding } from '../resource/binding.js';
import type { EntityTracker } from './entity-tracker.js';
import { nextEventId } from '../../core/identity/event-id.js';
import { openTransaction } from '../commit/open-transaction.js';
import { refuseOversized } from '../../core/planning/payload-limit.js';
import type { SaveGuard } from './save-guard.js';
import type { SubscriberParts } from './subscriber-parts.js';
import { announceChange, removed } from '../../core/planning/transition-announcements.js';
import { onRollback, markIncomplete } from './transaction-log.js';
import { lockAsRead } from './lock-as-read.js';

/** An announced removal whose row is not deleted yet. */
interface Removal {
  readonly binding: ResourceBinding;
  readonly uuid: string;
  readonly entity: object;
  /** To be called when the row is deleted. */
  readonly whole: () => void;
}

/** Announces entities that TypeORM is about to delete. */
export class RemovalWriter {
  readonly #parts: Required<Pick<SubscriberParts, 'store' | 'origin' | 'maxPayload'>>;
  readonly #memory: EntityTracker;
  readonly #saves: SaveGuard;
  readonly #removing = new WeakMap<QueryRunner, readonly Removal[]>();

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
   * Locks the row, announces its removal and cancels its deadlines. Transitions that were sent and not
   * saved are written and announced before. Throws ConflictError when the row is not at the entity's
   * revision, RefusedError when it is gone.
   */
  async announce(binding: ResourceBinding, manager: EntityManager, entity: object): Promise<void> {
    const runner = openTransaction(manager);
    const { reason, ...context } = this.#memory.takeDescription(entity);
    const origin = this.#parts.origin(context);
    await this.#saves.apply(binding, manager, entity, undefined);
    const { store, maxPayload } = this.#parts;
    const { resource, lifecycle } = binding;
    const { uuid, row } = await lockAsRead(store, binding, manager, entity);
    this.#keepKeys(binding, runner, entity);
    if (this.#on(runner).some((other) => other.binding === binding && other.uuid === uuid)) {
      // Another object of the same row, in the same call: the row ends once.
      return;
    }
    const revision = row.revision + 1;
    const entries = announceChange(
      {
        resource,
        uuid,
        revision,
        ...(row.tenancy === undefined ? {} : { tenancy: row.tenancy }),
      },
      {
        event: removed,
        old: row.state,
        new: null,
        lifecycleVersion: lifecycle.version,
        changed: true,
      },
      { effects: [], origin, reason, nextId: nextEventId },
    );
    refuseOversized(entries, maxPayload);
    await store.appendWithin(manager, entries);
    this.#remember(binding, runner, entity, uuid);
    await store.scheduleWithin(manager, {
      resource,
      uuid,
      revision,
      version: lifecycle.version,
      arms: [],
      cancels: 'all',
    });
  }

  /** Whether a removal on this runner was announced and its row is not deleted yet. */
  isRemoving(runner: QueryRunner): boolean {
    return this.#on(runner).length > 0;
  }

  /** Notes that the row of an entity that was announced is deleted. */
  settle(runner: QueryRunner, entity: object): void {
    this.#forget(runner, (removal) => removal.entity === entity)?.whole();
  }

  #remember(binding: ResourceBinding, runner: QueryRunner, entity: object, uuid: string): void {
    const whole = markIncomplete(runner, `The removal of ${binding.resource} ${uuid}`);
    const removal = { binding, uuid, entity, whole };
    this.#removing.set(runner, [...this.#on(runner), removal]);
    onRollback(runner, () => {
      this.#forget(runner, (other) => other === removal);
    });
  }

  /** TypeORM takes the primary key off a removed entity and does not put it back. */
  #keepKeys({ metadata }: ResourceBinding, runner: QueryRunner, entity: object): void {
    const keys = metadata.primaryColumns.map(
      (column) => [column, column.getEntityValue(entity) as unknown] as const,
    );
    onRollback(runner, () => {
      for (const [column, value] of keys) {
        column.setEntityValue(entity, value);
      }
    });
  }

  #on(runner: QueryRunner): readonly Removal[] {
    return this.#removing.get(runner) ?? [];
  }

  #forget(runner: QueryRunner, which: (removal: Removal) => boolean): Removal | undefined {
    const removing = this.#on(runner);
    this.#removing.set(
      runner,
      removing.filter((removal) => !which(removal)),
    );
    return removing.find(which);
  }
}
