import type { EntityManager } from 'typeorm';
import { failpoint } from '../../core/failpoints/failpoints.js';
import type { ResourceBinding } from '../resource/binding.js';
import { hideStaleAutomatic, reloadAutomatic } from './automatic-columns.js';
import { bypassRefused, directWriteRefused, softRemovalRefused } from './bypass.js';
import { rowAfter } from '../../core/planning/chain.js';
import { rememberedAfter } from '../../core/lifecycle/remembered.js';
import { rememberedText, timeProperty } from './column-values.js';
import type { EntityTracker } from './entity-tracker.js';
import {
  entityTenancy,
  guardedColumns,
  type GuardedRole,
  propertyOf,
  guardedRoles,
  readGuarded,
  readHidden,
  readRole,
  revisionProperty,
  sameHidden,
  sameValue,
  writeGuarded,
  writeHidden,
  writeRole,
} from './entity-roles.js';
import { revisionsExhausted } from '../../core/planning/unusable-row.js';
import { nextEventId } from '../../core/identity/event-id.js';
import { openTransaction } from '../commit/open-transaction.js';
import { refuseOversized } from '../../core/planning/payload-limit.js';
import {
  type LockedRow,
  type PlannedTransition,
  planStep,
  revisionConflict,
  unknownResource,
} from '../../core/planning/plan.js';
import type { Tenancy } from '../../core/planning/event-context.js';
import type { PendingStep, PendingSteps } from './send.js';
import type { SubscriberParts } from './subscriber-parts.js';
import { onRollback } from './transaction-log.js';

/** Judges saves of existing entities, and writes the transitions that were sent to them. */
export class SaveGuard {
  readonly #parts: Required<Pick<SubscriberParts, 'store' | 'maxPayload'>>;
  readonly #memory: EntityTracker;

  constructor(
    parts: Required<Pick<SubscriberParts, 'store' | 'maxPayload'>>,
    memory: EntityTracker,
  ) {
    this.#parts = parts;
    this.#memory = memory;
  }

  /** Refuses a bulk update that sets a lifecycle column. */
  checkBulk(binding: ResourceBinding, values: object): void {
    const column = guardedColumns(binding).find(
      ({ metadata }) => metadata.getEntityValue(values) !== undefined,
    );
    if (readHidden(binding, values) !== undefined) {
      throw softRemovalRefused(binding);
    }
    if (column !== undefined) {
      throw bypassRefused(
        binding,
        `A bulk update of '${column.property}'`,
        'Use transition(), or send() and save().',
      );
    }
  }

  /**
   * Lets a save without sent transitions pass where it leaves the lifecycle alone. A stale entity is
   * no fault then: TypeORM compares it with the row as it is now, and would write the old state and
   * revision back, so the difference is taken from its sight.
   */
  checkPlain(binding: ResourceBinding, entity: object, databaseEntity: object): void {
    this.#hideStale(binding, entity, databaseEntity, guardedRoles);
    this.#hideAutomatic(binding, entity, databaseEntity);
  }

  /**
   * Returns how a save changes the soft-removal date. A stale date is no change: it is taken from
   * TypeORM's sight, which would write it back.
   */
  softRemovalOf(
    binding: ResourceBinding,
    entity: object,
    databaseEntity: object,
  ): 'hides' | 'shows' | 'moves' | undefined {
    const value = readHidden(binding, entity);
    const stored = readHidden(binding, databaseEntity);
    if (value === undefined || sameHidden(value, stored)) {
      return undefined;
    }
    if (sameHidden(value, this.#memory.agreed(entity)?.hidden)) {
      writeHidden(binding, databaseEntity, value);
      return undefined;
    }
    return value === null ? 'shows' : stored == null ? 'hides' : 'moves';
  }

  /**
   * Writes the sent transitions of an entity, compare-and-set, and lets entity and row agree on them,
   * so that TypeORM's own update that follows leaves the lifecycle columns out. On failure the entity
   * is as before the first `send`.
   *
   * @param saved Whether an update of TypeORM follows, which moves its automatic columns.
   */
  async apply(
    binding: ResourceBinding,
    manager: EntityManager,
    entity: object,
    databaseEntity: object | undefined,
    saved = true,
  ): Promise<void> {
    const pending = this.#memory.pending(entity);
    if (pending === undefined) {
      return;
    }
    const agreed = this.#memory.agreed(entity);
    const written = this.#memory.saving(entity);
    try {
      this.#checkSent(binding, entity, databaseEntity, pending);
      if (databaseEntity !== undefined) {
        this.#hideAutomatic(binding, entity, databaseEntity);
      }
      const last = await this.#writeSteps(binding, manager, pending, databaseEntity, saved);
      if (!saved) {
        const seen = databaseEntity === undefined ? [entity] : [entity, databaseEntity];
        await reloadAutomatic(manager, binding, pending.uuid, seen);
      }
      this.#settle(binding, entity, pending, last);
      if (databaseEntity !== undefined) {
        writeGuarded(binding, databaseEntity, readGuarded(binding, entity));
      }
    } catch (error) {
      this.giveUp(binding, entity);
      throw error;
    } finally {
      written();
    }
    onRollback(openTransaction(manager), () => {
      this.#memory.restoreAgreed(entity, agreed);
      writeGuarded(binding, entity, pending.base);
    });
  }

  /** Puts an entity back to what it was before the first `send` that is still pending. */
  giveUp(binding: ResourceBinding, entity: object): void {
    const pending = this.#memory.pending(entity);
    if (pending !== undefined) {
      this.#memory.settle(entity);
      writeGuarded(binding, entity, pending.base);
    }
  }

  /** Refuses a save when a column was written between `read` and `send`, or between `send` and the save. */
  #checkSent(
    binding: ResourceBinding,
    entity: object,
    databaseEntity: object | undefined,
    { base, steps }: PendingSteps,
  ): void {
    const { histories } = binding.lifecycle.table;
    const sent: Partial<Record<GuardedRole, unknown>> = {
      ...base,
      state: steps.at(-1)?.step.to,
      ...(binding.columns.remembered === undefined
        ? {}
        : {
            remembered: steps.reduce(
              (text, { step }) => rememberedAfter(histories, text, step),
              rememberedText(base.remembered),
            ),
          }),
    };
    const agreed = this.#memory.agreed(entity);
    for (const role of guardedRoles) {
      const value = readRole(binding, entity, role);
      const changed =
        role === 'revision' ? !Number.isNaN(value) : !sameValue(role, value, sent[role]);
      const tampered =
        agreed !== undefined &&
        !sameValue(role, base[role], agreed[role]) &&
        (databaseEntity === undefined ||
          !sameValue(role, base[role], readRole(binding, databaseEntity, role)));
      if (changed || tampered) {
        throw directWriteRefused(binding, entity, propertyOf(binding, role));
      }
    }
  }

  /** Writes the first step to the row as TypeORM read it just now, and locks it only if that fails. */
  async #writeSteps(
    binding: ResourceBinding,
    manager: EntityManager,
    pending: PendingSteps,
    databaseEntity: object | undefined,
    saved: boolean,
  ): Promise<PlannedTransition['update']> {
    const { store } = this.#parts;
    const { steps } = pending;
    // What TypeORM's own update moves is moved once for it and the last step.
    const bindingOf = (step: PendingStep): ResourceBinding =>
      saved && step === steps.at(-1) ? binding.beforeSave : binding;
    const first =
      databaseEntity === undefined
        ? undefined
        : await this.#writeSeen(
            bindingOf(steps[0]),
            manager,
            pending,
            entityTenancy(binding, databaseEntity),
          );
    let row = first?.row ?? (await this.#lock(binding, manager, pending));
    let written = first?.update;
    for (const sent of first === undefined ? steps : steps.slice(1)) {
      const plan = this.#plan(binding, row, sent);
      await store.applyWithin(manager, bindingOf(sent), [plan]);
      written = { ...written, ...plan.update };
      row = rowAfter(row, plan);
    }
    return written as PlannedTransition['update'];
  }

  /** Undefined, and nothing is written, where the row is not what the entity says, or who owns it. */
  async #writeSeen(
    binding: ResourceBinding,
    manager: EntityManager,
    { uuid, revision, steps, base }: PendingSteps,
    tenancy: Tenancy,
  ): Promise<{ row: LockedRow; update: PlannedTransition['update'] } | undefined> {
    const { store } = this.#parts;
    if (store.applySeenWithin === undefined) {
      return undefined;
    }
    const seen = {
      uuid,
      state: steps[0].step.from,
      revision,
      tenancy,
      remembered: rememberedText(base.remembered),
    };
    failpoint('guard');
    const plan = this.#plan(binding, seen, steps[0]);
    return (await store.applySeenWithin(manager, binding, seen, plan))
      ? { row: rowAfter(seen, plan), update: plan.update }
      : undefined;
  }

  async #lock(
    binding: ResourceBinding,
    manager: EntityManager,
    { uuid, revision, steps }: PendingSteps,
  ): Promise<LockedRow> {
    const row = (await this.#parts.store.lockWithin(manager, binding, [uuid])).get(uuid);
    if (row === undefined) {
      throw unknownResource(binding, uuid);
    }
    failpoint('guard');
    if (row.revision !== revision || row.state !== steps[0].step.from) {
      throw revisionConflict(binding, row, revision);
    }
    return row;
  }

  #plan(
    binding: ResourceBinding,
    row: LockedRow,
    { step, origin, reason }: PendingStep,
  ): PlannedTransition {
    const exhausted = revisionsExhausted(binding, row);
    if (exhausted !== undefined) {
      throw exhausted;
    }
    const plan = planStep(
      binding,
      row,
      { uuid: row.uuid, origin, ...(reason === undefined ? {} : { reason }) },
      step,
      nextEventId,
    );
    refuseOversized(plan.entries, this.#parts.maxPayload);
    return plan;
  }

  #settle(
    binding: ResourceBinding,
    entity: object,
    { base }: PendingSteps,
    update: PlannedTransition['update'],
  ): void {
    this.#memory.settle(entity);
    writeGuarded(binding, entity, base);
    writeRole(binding, entity, 'state', update.state);
    writeRole(binding, entity, 'revision', revisionProperty(binding, entity, update.revision));
    writeRole(binding, entity, 'lifecycleVersion', update.lifecycleVersion);
    if (update.remembered !== undefined) {
      writeRole(binding, entity, 'remembered', update.remembered);
    }
    const since = binding.columns.stateSince;
    if (since !== undefined && update.stateSince !== undefined) {
      writeRole(binding, entity, 'stateSince', timeProperty(since, update.stateSince));
    }
    this.#memory.snapshot(binding, entity);
  }

  #hideAutomatic(binding: ResourceBinding, entity: object, databaseEntity: object): void {
    const agreed = this.#memory.agreed(entity)?.automatic;
    hideStaleAutomatic(binding, entity, databaseEntity, agreed);
  }

  #hideStale(
    binding: ResourceBinding,
    entity: object,
    databaseEntity: object,
    roles: readonly GuardedRole[],
  ): void {
    const agreed = this.#memory.agreed(entity);
    const stale = roles.filter((role) => {
      const value = readRole(binding, entity, role);
      return (
        value !== undefined && !sameValue(role, value, readRole(binding, databaseEntity, role))
      );
    });
    const written = stale.find(
      (role) =>
        agreed === undefined || !sameValue(role, readRole(binding, entity, role), agreed[role]),
    );
    if (written !== undefined) {
      throw directWriteRefused(binding, entity, propertyOf(binding, written));
    }
    // Also what means the same and is not identical, as a number and its text: TypeORM would write it.
    for (const role of roles) {
      const value = readRole(binding, entity, role);
      if (value !== undefined) {
        writeRole(binding, databaseEntity, role, value);
      }
    }
  }
}
