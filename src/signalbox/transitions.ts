import type { DataSource, EntityManager } from 'typeorm';
import type { OriginSource } from '../context/origin-source.js';
import { checkCall } from '../core/options/check-options.js';
import { transitionSchema, type TransitionOptions } from './call-options.js';
import { RefusedError, SignalboxError } from '../core/errors/errors.js';
import { callSpan, inSpan, type SpanPlan } from '../context/span.js';
import { explain } from '../core/lifecycle/explain.js';
import type { Explanation } from '../core/lifecycle/explain.js';
import type { ResourceBinding } from '../persistence/resource/binding.js';
import { databaseError } from '../persistence/commit/database-errors.js';
import type { GroupCommit } from '../persistence/commit/group-commit.js';
import type { Tenancy } from '../core/planning/event-context.js';
import { onMaster } from '../persistence/commit/on-master.js';
import { unknownEvent, unknownResource } from '../core/planning/plan.js';
import { incompleteRow } from '../core/planning/unusable-row.js';
import type { LockedRow } from '../core/planning/plan.js';
import { withContext } from '../persistence/guard/projected-context.js';
import { entityHidden, readEntities, readRowOf } from '../persistence/guard/row-reading.js';
import { refuseInsideTransaction } from '../persistence/commit/transaction-context.js';
import type { DueDeadline } from '../core/stores/deadline-store.js';
import type { Store } from '../persistence/store.js';
import type { TransitionResult, TransitionRequest } from '../core/planning/transition-request.js';

export type { TransitionOptions } from './call-options.js';

/** Room that the rest of a state event's payload may take, in bytes. */
const envelopeRoom = 4096;

/** The way in for `transition()`: checks the request, then joins a commit or the caller's own. */
export class Transitions {
  readonly #dataSource: DataSource;
  readonly #store: Store;
  readonly #groupCommit: GroupCommit;
  readonly #origin: OriginSource;
  readonly #maxPayload: number;

  constructor(options: {
    readonly dataSource: DataSource;
    readonly store: Store;
    readonly groupCommit: GroupCommit;
    readonly origin: OriginSource;
    readonly maxPayload: number;
  }) {
    this.#dataSource = options.dataSource;
    this.#store = options.store;
    this.#groupCommit = options.groupCommit;
    this.#origin = options.origin;
    this.#maxPayload = options.maxPayload;
  }

  /** @param uuid Canonical. */
  async transition(
    binding: ResourceBinding,
    uuid: string,
    event: string,
    options: TransitionOptions,
  ): Promise<TransitionResult> {
    return inSpan(
      () => transitionSpan(binding, uuid, event),
      () => this.#transition(binding, uuid, event, options),
    );
  }

  async #transition(
    binding: ResourceBinding,
    uuid: string,
    event: string,
    options: TransitionOptions,
  ): Promise<TransitionResult> {
    checkCall(transitionSchema, options);
    const { reason, expectedRevision, payload, manager } = options;
    if (!binding.lifecycle.events.includes(event)) {
      throw unknownEvent(binding, uuid, String(event));
    }
    const request: TransitionRequest = {
      uuid,
      event,
      origin: this.#origin(options),
      ...(reason == null ? {} : { reason }),
      ...(expectedRevision === undefined ? {} : { expectedRevision }),
      ...(payload === undefined ? {} : { payload }),
    };
    this.#refuseTooLarge(binding, request);
    return manager === undefined
      ? this.#commit(binding, request)
      : this.#join(manager, binding, request);
  }

  /**
   * Fires a due deadline that has a timeout transition, if the resource is at this revision. Rejects with
   * DEADLINE_STALE or REVISION_CONFLICT when it is late.
   */
  async fire(
    binding: ResourceBinding,
    due: DueDeadline,
    expectedRevision: number,
  ): Promise<TransitionResult> {
    const event = 'DeadlineExceeded';
    return inSpan(
      () => transitionSpan(binding, due.uuid, event),
      () =>
        this.#commit(binding, {
          expectedRevision,
          uuid: due.uuid,
          event,
          deadline: { id: due.deadline, revision: due.revision },
          reason: `deadline ${due.deadline} passed`,
          origin: this.#origin({ actor: 'signalbox' }),
        }),
    );
  }

  /** The resource's state, and whose it is, as they are now. */
  async read(
    binding: ResourceBinding,
    uuid: string,
  ): Promise<{ readonly state: string; readonly tenancy?: Tenancy }> {
    return this.#onMaster((manager) => existingRow(manager, binding, uuid));
  }

  /** Whether an event is lawful now, judged on the row and its entity as they are. */
  async explain(binding: ResourceBinding, uuid: string, event: string): Promise<Explanation> {
    const { lifecycle } = binding;
    const { state, remembered, entity } = await this.#onMaster(async (manager) => {
      const row = await existingRow(manager, binding, uuid);
      const entities = await readEntities(manager, binding, [uuid]);
      return { state: row.state, remembered: row.remembered, entity: entities.get(uuid) };
    });
    if (entity === undefined && binding.context !== undefined) {
      throw entityHidden(binding, uuid);
    }
    const judged = entity === undefined ? undefined : ({ entity, loadedBy: 'signalbox' } as const);
    return withContext(binding, judged, (context) =>
      explain(lifecycle, { state, context, remembered }, event),
    );
  }

  /** Resolves when every transition under way is settled. */
  async close(): Promise<void> {
    await this.#groupCommit.close();
  }

  async #onMaster<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    try {
      return await onMaster(this.#dataSource, work);
    } catch (error) {
      throw databaseError(error);
    }
  }

  async #commit(binding: ResourceBinding, request: TransitionRequest): Promise<TransitionResult> {
    // Here and not in the writer: a batch is written in the context of whoever came first.
    refuseInsideTransaction(this.#dataSource);
    return this.#groupCommit.transition(binding, request);
  }

  async #join(
    manager: EntityManager,
    binding: ResourceBinding,
    request: TransitionRequest,
  ): Promise<TransitionResult> {
    let outcome: TransitionResult | Error;
    try {
      outcome = await this.#store.transitionWithin(manager, binding, request);
    } catch (error) {
      throw error instanceof SignalboxError ? error : databaseError(error);
    }
    if (outcome instanceof Error) {
      throw outcome;
    }
    return outcome;
  }

  #refuseTooLarge(
    binding: ResourceBinding,
    { uuid, event, reason, origin }: TransitionRequest,
  ): void {
    const said =
      (reason?.length ?? 0) + (origin.actor?.length ?? 0) + (origin.correlationId?.length ?? 0);
    // Four bytes a character at the most, six where JSON escapes it.
    if (said * 6 + envelopeRoom <= this.#maxPayload) {
      return;
    }
    const size = Buffer.byteLength(JSON.stringify({ reason, ...origin })) + envelopeRoom;
    if (size > this.#maxPayload) {
      throw RefusedError.of(
        'PAYLOAD_TOO_LARGE',
        `The ${event} of ${binding.resource} ${uuid} would be ${size} bytes, over the limit of ${this.#maxPayload}. Shorten the reason, and refer to the bulk instead.`,
        { resource: binding.resource, uuid, event, size, limit: this.#maxPayload },
      );
    }
  }
}

async function existingRow(
  manager: EntityManager,
  binding: ResourceBinding,
  uuid: string,
): Promise<LockedRow> {
  const row = await readRowOf(manager, binding, uuid);
  if (row === undefined) {
    throw unknownResource(binding, uuid);
  }
  const incomplete = incompleteRow(binding, row);
  if (incomplete !== undefined) {
    throw incomplete;
  }
  return row;
}

function transitionSpan({ resource }: ResourceBinding, uuid: string, event: string): SpanPlan {
  return callSpan('transition', resource, {
    'signalbox.resource': resource,
    'signalbox.uuid': uuid,
    'signalbox.event': event,
  });
}
