import type {
  AfterQueryEvent,
  BeforeQueryEvent,
  DataSource,
  EntityMetadata,
  EntitySubscriberInterface,
  InsertEvent,
  LoadEvent,
  QueryRunner,
  RecoverEvent,
  RemoveEvent,
  SoftRemoveEvent,
  TransactionCommitEvent,
  TransactionRollbackEvent,
  TransactionStartEvent,
  UpdateEvent,
} from 'typeorm';
import { refuseNonText } from '../../context/refuse-malformed.js';
import { failpoint } from '../../core/failpoints/failpoints.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import { CreationWriter } from './creation-writer.js';
import type { ResourceBinding } from '../resource/binding.js';
import { builtWrite, bypassRefused, softRemovalRefused, judgeWrite, mayWrite } from './bypass.js';
import { databaseError } from '../commit/database-errors.js';
import { EntityTracker } from './entity-tracker.js';
import { snapshotEntities } from './entity-snapshot.js';
import { guardedColumns } from './entity-roles.js';
import { SoftRemovalWriter } from './soft-removal-writer.js';
import { keepSubscribed } from './keep-subscribed.js';
import { RemovalWriter } from './removal-writer.js';
import { SaveGuard } from './save-guard.js';
import { type SendOptions, sendTo } from './send.js';
import { drained, withRunnerMutex } from './runner-mutex.js';
import { transactionGate } from '../sqlite/transaction-gate.js';
import type { EntityDescription, SubscriberParts } from './subscriber-parts.js';
import {
  announces,
  beginLevel,
  commitLevel,
  markIncomplete,
  noteSent,
  refuseHalves,
  rollbackLevel,
} from './transaction-log.js';
import {
  transactionEnded,
  transactionHere,
  transactionStarted,
  transactionStarting,
} from '../commit/transaction-context.js';
import { wakeAll } from '../commit/wakes.js';
import { isInternalWrite } from './internal-write.js';

export type { SendOptions } from './send.js';
export type { EntityDescription, SubscriberParts } from './subscriber-parts.js';

/**
 * Guards and announces what TypeORM saves: creation, transitions sent with `send`, and removal, each
 * in the transaction of the save. Everything else that would change a resource's life is refused where
 * TypeORM lets it be seen.
 *
 * Never throws after a commit.
 *
 * Not seen, and neither guarded nor announced: SQL written by hand, `repository.clear()`, cascades
 * that the database does by itself, and writes of other programs.
 */
export class LifecycleSubscriber implements EntitySubscriberInterface<object> {
  readonly #parts: SubscriberParts;
  /** By the class: TypeORM makes metadata anew whenever the DataSource is initialized. */
  readonly #bindings: ReadonlyMap<unknown, ResourceBinding>;
  readonly #memory = new EntityTracker();
  /** Entities whose steps are written, and whose update by TypeORM follows. */
  readonly #updating = new WeakMap<object, () => void>();
  readonly #creations: CreationWriter;
  readonly #saves: SaveGuard;
  readonly #removals: RemovalWriter;
  readonly #softRemovals: SoftRemovalWriter;

  /**
   * @throws ConfigurationError RESOURCE_MAPPING_INVALID where TypeORM itself would write a column that
   * only a transition may write.
   */
  constructor(parts: SubscriberParts) {
    this.#parts = parts;
    this.#bindings = new Map(parts.bindings.map((binding) => [binding.metadata.target, binding]));
    const limited = { maxPayload: 256 * 1024, ...parts };
    this.#creations = new CreationWriter(limited, this.#memory);
    this.#saves = new SaveGuard(limited, this.#memory);
    this.#removals = new RemovalWriter(limited, this.#memory, this.#saves);
    this.#softRemovals = new SoftRemovalWriter(limited, this.#memory, this.#saves);
  }

  /**
   * Puts the subscriber to work on a DataSource, and returns what takes it off again. (A class in the
   * DataSource's own `subscribers` option would be ignored without a decorator, and take no parameters.)
   *
   * @throws ConfigurationError RESOURCE_MAPPING_INVALID where another subscriber already guards one of
   * the resources there: each event would be announced twice.
   */
  install(dataSource: DataSource): () => void {
    const { subscribers } = dataSource;
    for (const other of subscribers) {
      if (other instanceof LifecycleSubscriber) {
        other.#refuseShared(this.#parts.bindings);
      }
    }
    return keepSubscribed(dataSource, this);
  }

  /**
   * Computes a lawful step and sets the entity to it; see `sendTo`. Throws RefusedError at once, the
   * entity unchanged. After a rollback of the transaction it was saved in, the entity is back to what
   * it was before the first `send`, and nothing is pending.
   */
  send(entity: object, event: string, options: SendOptions = {}): void {
    refuseNonText({ reason: options.reason });
    const binding = this.#bindingOfEntity(entity);
    this.#memory.queue(
      entity,
      sendTo(binding, entity, this.#memory.pending(entity), {
        event,
        origin: this.#parts.origin(options),
        options,
        complete: this.#memory.isComplete(entity),
      }),
    );
    this.#requireSave(binding, entity, event);
  }

  /** Says who creates or removes an entity and why; used by the next save or removal of it. */
  describe(entity: object, description: EntityDescription): void {
    refuseNonText({ reason: description.reason });
    this.#memory.describe(entity, description);
  }

  /**
   * Remembers an entity with all that hangs on it, what was sent to it included; the returned function
   * puts it back, so that a save or a removal can be tried again.
   */
  snapshot(entity: object): () => void {
    return snapshotEntities(entity, (each) => this.#memory.remember(each));
  }

  afterLoad(entity: object, event?: LoadEvent<object>): void {
    const binding = this.#bindingOf(event?.metadata);
    if (binding !== undefined && event !== undefined) {
      this.#memory.snapshot(binding, entity);
      this.#memory.seenIn(entity, event.queryRunner);
    }
  }

  beforeInsert(event: InsertEvent<object>): void {
    const binding = this.#bindingOf(event.metadata);
    if (binding !== undefined) {
      this.#requireTransaction(binding, event.queryRunner, 'An insert outside a transaction');
      this.#creations.prepare(binding, event.queryRunner, event.entity);
    }
  }

  async afterInsert(event: InsertEvent<object>): Promise<void> {
    const binding = this.#bindingOf(event.metadata);
    if (binding !== undefined) {
      await this.#write(event.queryRunner, () =>
        this.#creations.announce(binding, event.manager, event.entity),
      );
      this.#memory.seenIn(event.entity, event.queryRunner);
    }
  }

  async beforeUpdate(event: UpdateEvent<object>): Promise<void> {
    const binding = this.#bindingOf(event.metadata);
    const { entity, databaseEntity, queryRunner, manager } = event;
    // Without an entity TypeORM writes a foreign key of the owning side and nothing else.
    if (binding === undefined || entity === undefined) {
      return;
    }
    // Absent for bulk updates, whatever TypeORM's types say.
    if ((databaseEntity as object | undefined) === undefined) {
      this.#saves.checkBulk(binding, entity);
      return;
    }
    this.#memory.seenIn(entity, queryRunner);
    const softRemoval = this.#saves.softRemovalOf(binding, entity, databaseEntity);
    const sent = this.#memory.pending(entity) !== undefined;
    if (!sent) {
      this.#saves.checkPlain(binding, entity, databaseEntity);
    }
    if (!sent && softRemoval === undefined) {
      return;
    }
    try {
      this.#requireTransaction(binding, queryRunner, 'A save outside a transaction');
    } catch (error) {
      this.#saves.giveUp(binding, entity);
      throw error;
    }
    await this.#write(queryRunner, async () => {
      if (softRemoval === 'hides' || softRemoval === 'shows') {
        await this.#softRemovals.announce(
          binding,
          manager,
          entity,
          databaseEntity,
          softRemoval === 'hides',
        );
        return;
      }
      const more = savesMore(binding, event);
      await this.#saves.apply(binding, manager, entity, databaseEntity, more);
      if (more && sent) this.#expectUpdate(binding, queryRunner, entity);
      if (softRemoval === 'moves') {
        this.#softRemovals.expect(binding, queryRunner, entity, 'The soft removal');
      }
    });
  }

  afterUpdate(event: UpdateEvent<object>): void {
    const binding = this.#bindingOf(event.metadata);
    if (binding !== undefined && event.entity !== undefined) {
      this.#softRemovals.settle(binding, event.queryRunner, event.entity);
      this.#updating.get(event.entity)?.();
      this.#memory.snapshot(binding, event.entity);
    }
  }

  /** Where TypeORM's own update fails, the steps must not be committed without the columns beside them. */
  #expectUpdate(binding: ResourceBinding, runner: QueryRunner, entity: object): void {
    const uuid = String(Reflect.get(entity, binding.columns.uuid.property));
    this.#updating.set(entity, markIncomplete(runner, `The save of ${binding.resource} ${uuid}`));
  }

  async beforeSoftRemove(event: SoftRemoveEvent<object>): Promise<void> {
    await this.#beforeSoftRemoval(event, true);
  }

  afterSoftRemove(event: SoftRemoveEvent<object>): void {
    this.#afterSoftRemoval(event);
  }

  async beforeRecover(event: RecoverEvent<object>): Promise<void> {
    await this.#beforeSoftRemoval(event, false);
  }

  afterRecover(event: RecoverEvent<object>): void {
    this.#afterSoftRemoval(event);
  }

  async beforeRemove(event: RemoveEvent<object>): Promise<void> {
    const binding = this.#bindingOf(event.metadata);
    if (binding === undefined) {
      return;
    }
    // Absent for bulk deletes; a cascade knows only the row.
    const entity = event.entity ?? (event.databaseEntity as object | undefined);
    if (entity === undefined) {
      throw bypassRefused(
        binding,
        'A bulk delete',
        'Read the entities and remove them with manager.remove(entities).',
      );
    }
    this.#requireTransaction(binding, event.queryRunner, 'A removal outside a transaction');
    await this.#write(event.queryRunner, () =>
      this.#removals.announce(binding, event.manager, entity),
    );
  }

  afterRemove(event: RemoveEvent<object>): void {
    const binding = this.#bindingOf(event.metadata);
    const entity = event.entity ?? (event.databaseEntity as object | undefined);
    if (binding !== undefined && entity !== undefined) {
      this.#removals.settle(event.queryRunner, entity);
    }
  }

  /**
   * Catches what the other hooks cannot tell or do not see: upserts, and saves and builders that were
   * told not to call listeners.
   */
  beforeQuery({ query, queryRunner }: BeforeQueryEvent): void {
    if (!mayWrite(query) || isInternalWrite(queryRunner)) {
      return;
    }
    for (const binding of this.#parts.bindings) {
      const write = builtWrite(binding, query);
      if (write !== undefined) {
        judgeWrite(binding, write, {
          inserting: this.#creations.isInserting(queryRunner),
          removing: this.#removals.isRemoving(queryRunner),
          softRemoval: this.#softRemovals.isSoftRemoval(queryRunner),
        });
        return;
      }
    }
  }

  /** Tells an insert that failed, which wrote nothing, from one whose announcement did not follow. */
  afterQuery({ query, queryRunner, success }: AfterQueryEvent): void {
    if (!this.#creations.isInserting(queryRunner) || !mayWrite(query)) {
      return;
    }
    const binding = this.#parts.bindings.find((each) => builtWrite(each, query) === 'insert');
    if (binding !== undefined) {
      this.#creations.inserted(binding, queryRunner, success);
    }
  }

  beforeTransactionStart({ queryRunner }: TransactionStartEvent): void {
    transactionStarting(queryRunner);
  }

  afterTransactionStart({ queryRunner }: TransactionStartEvent): void {
    transactionStarted(queryRunner);
    beginLevel(queryRunner);
  }

  beforeTransactionCommit({ queryRunner }: TransactionCommitEvent): void {
    refuseHalves(queryRunner);
    if (announces(queryRunner)) {
      failpoint('commit');
    }
  }

  afterTransactionCommit({ queryRunner }: TransactionCommitEvent): void {
    if (!queryRunner.isTransactionActive) {
      transactionEnded(queryRunner);
      this.#creations.forget(queryRunner);
    }
    if (!commitLevel(queryRunner)) {
      return;
    }
    wakeAll(queryRunner.dataSource);
  }

  async beforeTransactionRollback({ queryRunner }: TransactionRollbackEvent): Promise<void> {
    // TypeORM rolls back on the first hook that fails, whatever the others are doing: a statement of
    // theirs that came behind the rollback would commit by itself.
    await drained(queryRunner);
    rollbackLevel(queryRunner);
  }

  async #beforeSoftRemoval(
    event: SoftRemoveEvent<object> | RecoverEvent<object>,
    hides: boolean,
  ): Promise<void> {
    const binding = this.#bindingOf(event.metadata);
    if (binding === undefined) {
      return;
    }
    const { entity, queryRunner, manager } = event;
    // Absent for builders, and for what a relation deletes softly as its orphan.
    if (entity === undefined) {
      throw softRemovalRefused(binding);
    }
    const what = hides ? 'A soft removal' : 'A recovery';
    this.#requireTransaction(binding, queryRunner, `${what} outside a transaction`);
    await this.#write(queryRunner, () =>
      this.#softRemovals.announce(binding, manager, entity, event.databaseEntity, hides),
    );
    this.#memory.seenIn(entity, queryRunner);
  }

  #afterSoftRemoval(event: SoftRemoveEvent<object> | RecoverEvent<object>): void {
    const binding = this.#bindingOf(event.metadata);
    if (binding !== undefined && event.entity !== undefined) {
      this.#softRemovals.settle(binding, event.queryRunner, event.entity);
    }
  }

  /**
   * Has the transaction that read the entity, or that the caller is inside of, refused at its commit
   * where nobody saved the step.
   */
  #requireSave(binding: ResourceBinding, entity: object, event: string): void {
    const runner =
      this.#memory.openRunnerOf(entity) ?? transactionHere(binding.metadata.dataSource);
    const pending = this.#memory.pending(entity);
    if (runner !== undefined && pending !== undefined) {
      noteSent(runner, entity, {
        what: `${event} to ${binding.resource} ${pending.uuid}`,
        isPending: () => this.#memory.isUnsaved(entity),
        giveUp: () => {
          this.#saves.giveUp(binding, entity);
        },
      });
    }
  }

  afterTransactionRollback({ queryRunner }: TransactionRollbackEvent): void {
    if (!queryRunner.isTransactionActive) transactionEnded(queryRunner);
  }

  #refuseShared(bindings: readonly ResourceBinding[]): void {
    const shared = bindings.find(({ metadata }) => this.#bindings.has(metadata.target));
    if (shared !== undefined) {
      throw new ConfigurationError(
        'RESOURCE_MAPPING_INVALID',
        `${shared.resource} is guarded by another Signalbox on this DataSource. Close that one first, or share it.`,
        { parameters: { resource: shared.resource } },
      );
    }
  }

  async #write(runner: QueryRunner, work: () => Promise<void>): Promise<void> {
    try {
      await withRunnerMutex(runner, work);
    } catch (error) {
      throw databaseError(error);
    }
  }

  #requireTransaction(binding: ResourceBinding, runner: QueryRunner, write: string): void {
    // On SQLite the one runner may be inside a transaction that is somebody else's.
    const gate = transactionGate(runner.dataSource);
    if (!runner.isTransactionActive || gate?.passes === false) {
      throw bypassRefused(
        binding,
        write,
        'State and events must commit together: use manager.save() or manager.remove() with their ' +
          'own transaction, or call it inside dataSource.transaction().',
      );
    }
  }

  #bindingOf(metadata: EntityMetadata | undefined): ResourceBinding | undefined {
    for (let own = metadata; own !== undefined; own = own.parentEntityMetadata) {
      const binding = this.#bindings.get(own.target);
      if (binding !== undefined) {
        return binding;
      }
    }
    return undefined;
  }

  #bindingOfEntity(entity: object): ResourceBinding {
    const binding = this.#parts.bindings.find((candidate) => entity instanceof candidate.entity);
    if (binding === undefined) {
      const { name } = entity.constructor;
      throw new ConfigurationError(
        'RESOURCE_NOT_REGISTERED',
        `${name} is not registered. List it in createSignalbox({ resources }).`,
        { parameters: { resource: name } },
      );
    }
    return binding;
  }
}

/** Whether TypeORM's own update follows a save, for other columns than those a transition writes. */
function savesMore(
  binding: ResourceBinding,
  { updatedColumns, updatedRelations }: UpdateEvent<object>,
): boolean {
  const { metadata } = binding;
  const written: ReadonlySet<string | undefined> = new Set([
    ...guardedColumns(binding).map((column) => column.metadata.databaseName),
    metadata.versionColumn?.databaseName,
    metadata.updateDateColumn?.databaseName,
  ]);
  return (
    updatedRelations.length > 0 ||
    updatedColumns.some(({ databaseName }) => !written.has(databaseName))
  );
}
