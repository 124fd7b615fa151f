import { toError } from '../../core/errors/to-error.js';
import type { DataSource, EntityManager } from 'typeorm';
import { failpoint } from '../../core/failpoints/failpoints.js';
import type { ResourceBinding } from '../resource/binding.js';
import { planInTurn, uuidsOf } from '../../core/planning/chain.js';
import { ownTransaction } from './own-transaction.js';
import {
  type LockedRow,
  type PlannedTransition,
  type PlanFacts,
  planTransition,
} from '../../core/planning/plan.js';
import type {
  TransitionOutcome,
  TransitionRequest,
} from '../../core/planning/transition-request.js';
import { withContext } from '../guard/projected-context.js';
import { entityHidden, readEntities } from '../guard/row-reading.js';

/** Operations of a database for transitions that are decided in the process under row locks. */
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
  /**
   * Writes rows, journal, outbox and deadlines of planned transitions. Their rows are locked. Several
   * of one row follow one another.
   */
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

/** Whether guards are asked about a request, which read the entity. Pure. */
function asksGuards(
  { lifecycle: { table } }: ResourceBinding,
  { state }: LockedRow,
  { event, deadline }: TransitionRequest,
): boolean {
  return deadline === undefined
    ? table.guardedEvents.has(event)
    : (table.timeouts.get(state)?.get(deadline.id) ?? []).some(({ guards }) => guards.length > 0);
}

/**
 * Moves each resource in one commit of its own, guards and deadline fences read under the row locks.
 * Requests of one uuid in turn, of which only the first may need planning; one outcome for each, in
 * order. In a batch of several resources the outcome of a row that could not be locked at once is
 * `RowBusy`.
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
    (manager) => planUnderLock(manager, writer, binding, batch, nextId, true),
    {
      events: (outcomes) =>
        outcomes.flatMap((outcome) => (outcome instanceof Error ? [] : outcome.events)),
    },
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
  maySkip: boolean,
): Promise<readonly TransitionOutcome[]> {
  const uuids = uuidsOf(batch);
  const skipLocked = maySkip && uuids.length > 1;
  const rows = await writer.lockWithin(manager, binding, uuids, skipLocked);
  const fired = batch.flatMap(({ uuid, deadline }) =>
    deadline === undefined ? [] : [{ uuid, id: deadline.id }],
  );
  const armed = fired.length === 0 ? undefined : await writer.armedWithin(manager, binding, fired);
  const judged = uuidsOf(
    batch.filter((request) => {
      const row = rows.get(request.uuid);
      return row !== undefined && asksGuards(binding, row, request);
    }),
  );
  const entities = await loadEntities(manager, writer, binding, judged);
  failpoint('guard');
  const plans = planInTurn(rows, batch, skipLocked, (row, request) =>
    planFor(binding, row, request, entities.get(request.uuid), {
      armedRevision: armed?.get(request.uuid),
      nextId,
    }),
  );
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
    if (row === undefined || binding.context === undefined || !asksGuards(binding, row, request)) {
      const asks = row !== undefined && asksGuards(binding, row, request);
      // Without a context a refusal lists the guarded events too: they may be lawful.
      return planTransition(binding, row, request, {
        ...facts,
        ...(asks ? { context: binding.unprojected } : {}),
      });
    }
    if (entity === undefined) {
      return entityHidden(binding, row.uuid);
    }
    return withContext(binding, { entity, loadedBy: 'signalbox' }, (context) =>
      planTransition(binding, row, request, { ...facts, context }),
    );
  } catch (error) {
    return toError(error);
  }
}

async function loadEntities(
  manager: EntityManager,
  writer: PlannedWriter,
  binding: ResourceBinding,
  uuids: readonly string[],
): Promise<ReadonlyMap<string, object>> {
  return binding.context === undefined || uuids.length === 0
    ? new Map()
    : readEntities(manager, binding, uuids, writer.entityLock);
}
