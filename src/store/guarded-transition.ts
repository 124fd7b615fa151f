import { type DataSource, type EntityManager, In } from 'typeorm';
import { reach } from '../crash-points/crash-points.js';
import type { ResourceBinding } from './binding.js';
import { ownTransaction } from './own-transaction.js';
import { type LockedRow, type PlannedTransition, type PlanFacts, planTransition } from './plan.js';
import { RowBusy } from './row-busy.js';
import type { TransitionOutcome, TransitionRequest } from './store.js';

/** What a database offers so that transitions can be planned in the process, under row locks. */
export interface PlannedWriter {
  /**
   * Locks the rows for the rest of the transaction, in the order given, and reads them as committed
   * now; a uuid without a row is left out of the map.
   *
   * @param skipLocked Leaves out rows that somebody else holds, where the database can, instead of
   * waiting for them. Default false.
   */
  lockWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    uuids: readonly string[],
    skipLocked?: boolean,
  ): Promise<ReadonlyMap<string, LockedRow>>;
  /** The revisions that armed these deadlines, by uuid; a deadline that is not armed is left out. */
  armedWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    deadlines: readonly { readonly uuid: string; readonly id: string }[],
  ): Promise<ReadonlyMap<string, number>>;
  /** Writes rows, journal, outbox and deadlines of planned transitions. Their rows are locked. */
  applyWithin(
    manager: EntityManager,
    binding: ResourceBinding,
    plans: readonly PlannedTransition[],
  ): Promise<void>;
  /**
   * Writes a planned transition of a row that is not locked, by compare-and-set on all that the plan
   * read of it. False, and nothing is written, where the row is not as seen, or that cannot be told.
   * Set where it is quicker than to lock, read and write.
   */
  applySeenWithin?(
    manager: EntityManager,
    binding: ResourceBinding,
    seen: LockedRow,
    plan: PlannedTransition,
  ): Promise<boolean>;
  /**
   * Set where a plain SELECT in the transaction may see older rows than the locked ones (MySQL under
   * REPEATABLE READ): entities are then read with this lock.
   */
  readonly entityLock?: 'pessimistic_write';
}

/**
 * Whether a request needs planning in the process: its event has guards, which read the entity, or it
 * fires a deadline, whose fence must be read after the row is locked. Pure.
 */
export function needsPlanning(
  binding: ResourceBinding,
  { event, deadline }: Pick<TransitionRequest, 'event' | 'deadline'>,
): boolean {
  return deadline !== undefined || binding.lifecycle.table.guardedEvents.has(event);
}

/**
 * Moves each resource in one commit of its own, guards and deadline fences read under the row locks.
 * At most one request for each uuid; one outcome for each, in order. In a batch of several the outcome
 * of a row that could not be locked at once is `RowBusy`.
 */
export async function transitionPlanned(
  dataSource: DataSource,
  writer: PlannedWriter,
  binding: ResourceBinding,
  batch: readonly TransitionRequest[],
  nextId: () => string,
): Promise<readonly TransitionOutcome[]> {
  return ownTransaction(
    dataSource,
    (manager) => planUnderLock(manager, writer, binding, batch, nextId, batch.length > 1),
    (outcomes) => outcomes.flatMap((outcome) => (outcome instanceof Error ? [] : outcome.events)),
  );
}

/** The same in the caller's transaction, waiting for every row. */
export async function transitionPlannedWithin(
  manager: EntityManager,
  writer: PlannedWriter,
  binding: ResourceBinding,
  batch: readonly TransitionRequest[],
  nextId: () => string,
): Promise<readonly TransitionOutcome[]> {
  return planUnderLock(manager, writer, binding, batch, nextId, false);
}

async function planUnderLock(
  manager: EntityManager,
  writer: PlannedWriter,
  binding: ResourceBinding,
  batch: readonly TransitionRequest[],
  nextId: () => string,
  skipLocked: boolean,
): Promise<readonly TransitionOutcome[]> {
  // Every writer of every process locks in this order, so that none waits in a circle.
  const uuids = batch.map(({ uuid }) => uuid).toSorted();
  const rows = await writer.lockWithin(manager, binding, uuids, skipLocked);
  const fired = batch.flatMap(({ uuid, deadline }) =>
    deadline === undefined ? [] : [{ uuid, id: deadline.id }],
  );
  const armed = fired.length === 0 ? undefined : await writer.armedWithin(manager, binding, fired);
  const entities = await loadEntities(manager, writer, binding, [...rows.keys()]);
  reach('guard');
  const plans = batch.map((request) => {
    const row = rows.get(request.uuid);
    // Held by somebody else, or absent: asked again alone, it waits and is told which.
    return row === undefined && skipLocked
      ? new RowBusy()
      : planFor(binding, row, request, entities.get(request.uuid), {
          armedRevision: armed?.get(request.uuid),
          nextId,
        });
  });
  const lawful = plans.filter((plan): plan is PlannedTransition => !(plan instanceof Error));
  if (lawful.length > 0) {
    await writer.applyWithin(manager, binding, lawful);
  }
  return plans.map((plan) => (plan instanceof Error ? plan : plan.outcome));
}

/** A guard or a projection that throws fails its own request and no other. */
function planFor(
  binding: ResourceBinding,
  row: LockedRow | undefined,
  request: TransitionRequest,
  entity: object | undefined,
  facts: Omit<PlanFacts, 'context'>,
): PlannedTransition | Error {
  try {
    const context = entity === undefined ? {} : binding.context?.(entity);
    return planTransition(binding, row, request, { ...facts, context });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error), { cause: error });
  }
}

async function loadEntities(
  manager: EntityManager,
  writer: PlannedWriter,
  binding: ResourceBinding,
  uuids: readonly string[],
): Promise<ReadonlyMap<string, object>> {
  if (binding.context === undefined || uuids.length === 0) {
    return new Map();
  }
  const { property } = binding.columns.uuid;
  const entities = await manager.find(binding.entity, {
    where: { [property]: In(uuids) },
    ...(writer.entityLock === undefined ? {} : { lock: { mode: writer.entityLock } }),
  });
  return new Map(
    entities.map((entity) => [
      String((entity as Record<string, unknown>)[property]).toLowerCase(),
      entity,
    ]),
  );
}
