import type { DataSource, EntityManager } from 'typeorm';
import { runAction } from '../operations/action/action.js';
import type { StartedActions } from '../operations/action/started-actions.js';
import type { ActionHandle, ActionSettings } from '../operations/action/action.js';
import type { EventWriter } from '../persistence/event-writer.js';
import type { Bus, BusSubscription, SubscribeOptions } from '../delivery/bus/bus.js';
import { subscribeEvents } from '../delivery/bus/event-subscription.js';
import type { EventHandler, SelectedEvent } from '../delivery/bus/event-subscription.js';
import { withContext } from '../context/ambient.js';
import { callSpan, inSpan } from '../context/span.js';
import type { AmbientContext } from '../context/ambient.js';
import type { OriginSource } from '../context/origin-source.js';
import type { Sweeper } from '../operations/deadlines/sweeper.js';
import { ConfigurationError } from '../core/errors/errors.js';
import type { DeclaredType, EventTypes } from '../core/events/event-types.js';
import type { EventSelection, TenancyFilter } from '../core/events/event-filter.js';
import { wantedTenancy } from '../core/events/filter.js';
import type { KnownSelection } from '../core/events/known-selection.js';
import type { Format } from '../delivery/formats/format.js';
import { checkCall, checkOptions } from '../core/options/check-options.js';
import {
  actionSchema,
  alertSchema,
  contextSchema,
  createSchema,
  historySchema,
  removeSchema,
  replaySchema,
  sendSchema,
  signalboxSubscribeSchema,
  usageSchema,
  watchSchema,
  type AnnouncementOptions,
  type CreateOptions,
  type HistoryOptions,
} from './call-options.js';
import { CallGate } from './call-gate.js';
import { drainInProcess } from './drain-subscribers.js';
import { unlessAborted } from './unless-aborted.js';
import { Jobs } from '../operations/jobs/jobs.js';
import type { Explanation } from '../core/lifecycle/explain.js';
import type { EventOf, StateOf } from '../core/lifecycle/lifecycle.js';
import type { Relay } from '../delivery/relay/relay.js';
import { replay } from '../consuming/replay/replay.js';
import type { ReplayOptions, ReplayResult } from '../consuming/replay/replay.js';
import type { Application } from '../persistence/application.js';
import type { ResourceRegistry } from './resource-registry.js';
import { withTypedErrors } from '../persistence/commit/database-errors.js';
import { writeEntity } from '../persistence/guard/write-entity.js';
import type { JournalRecord } from '../core/planning/journal-entry.js';
import type { EntityOf, LifecycleOf, ResourceRef } from '../persistence/resource/resource.js';
import type { LifecycleSubscriber, SendOptions } from '../persistence/guard/subscriber.js';
import type { OutboxDepth } from '../core/stores/outbox-store.js';
import type { Store } from '../persistence/store.js';
import type { TransitionResult } from '../core/planning/transition-request.js';
import type { TransitionOptions, Transitions } from './transitions.js';
import { readHistory } from './read-history.js';
import { withCanonicalSubject } from '../core/identity/subject.js';
import { Watch } from '../consuming/watch/watch.js';
import type { WatchOptions } from '../consuming/watch/watch.js';
import { canonicalUuid } from '../core/identity/uuid.js';

export type { AnnouncementOptions, CreateOptions, HistoryOptions } from './call-options.js';

/** The parts that `createSignalbox` puts together. */
export interface SignalboxParts {
  readonly dataSource: DataSource;
  readonly registry: ResourceRegistry;
  readonly store: Store;
  readonly buses: readonly Bus[];
  readonly format: Format;
  readonly origin: OriginSource;
  readonly eventWriter: EventWriter;
  readonly started: StartedActions;
  readonly transitions: Transitions;
  readonly subscriber: LifecycleSubscriber;
  readonly relay: Relay | undefined;
  readonly sweeper: Sweeper | undefined;
  /** Milliseconds that `close` waits for handlers, watches and calls under way. */
  readonly closeTimeout: number;
  /** Application that owns the outbox, deadlines and jobs. */
  readonly application: Application;
  /** Bytes of an event that a subscription takes unless told. */
  readonly maxIncoming: number;
  /** Runs last when closing: undoes what creation put into the DataSource. */
  readonly dispose: () => Promise<void>;
}

/**
 * Moves resources by lawful transitions and publishes each. Made by `createSignalbox`; safe to share by
 * everything in a process. The type parameter holds the event types that calls and filters take; a
 * plain `Signalbox` takes any.
 */
export class Signalbox<E extends EventTypes = EventTypes> implements AsyncDisposable {
  /** Long-running jobs: submit, update, complete. */
  readonly jobs: Jobs;
  readonly #parts: SignalboxParts;
  /** Each with the name of its bus. */
  readonly #subscriptions = new Map<BusSubscription, string>();
  readonly #watches = new Set<Watch>();
  readonly #gate: CallGate;
  #closing: Promise<void> | undefined;

  /** @internal Use `createSignalbox`. */
  constructor(parts: SignalboxParts) {
    this.#parts = parts;
    const { dataSource, eventWriter } = parts;
    this.#gate = new CallGate(dataSource);
    const assertOpen = (): void => this.#gate.assertOpen();
    this.jobs = new Jobs({
      dataSource,
      eventWriter,
      assertOpen,
      application: parts.application.id,
    });
  }

  /**
   * Moves a resource by one lawful step: state, journal and outbox in one commit. Outside a
   * transaction concurrent callers share commits, each with its own result.
   *
   * @param resource The entity class, or what `mapResource` returned.
   * @throws RefusedError when the event is not lawful now, the uuid is malformed or unknown.
   * @throws ConflictError when `expectedRevision` is not the row's.
   * @throws UnavailableError when the database is away.
   *
   * @example
   * ```ts
   * await signalbox.transition(Volume, uuid, 'AttachRequested', { actor: 'alice', reason: 'boot' });
   * ```
   */
  async transition<R extends ResourceRef>(
    resource: R,
    uuid: string,
    event: EventOf<LifecycleOf<R>>,
    options: TransitionOptions = {},
  ): Promise<TransitionResult<StateOf<LifecycleOf<R>>>> {
    this.#gate.assertOpen();
    const binding = this.#parts.registry.get(resource);
    return this.#parts.transitions.transition(
      binding,
      canonicalUuid(uuid),
      event,
      options,
    ) as Promise<TransitionResult<StateOf<LifecycleOf<R>>>>;
  }

  /**
   * Computes a lawful step of a loaded entity and sets its state; saving the entity, in your own
   * transaction, guards and announces it. Pure but for the entity: no statement is sent.
   *
   * @throws RefusedError at once when the event is not lawful in the entity's state.
   *
   * @example
   * ```ts
   * await dataSource.transaction(async (manager) => {
   *   const volume = await manager.findOneByOrFail(Volume, { uuid });
   *   signalbox.send(volume, 'AttachRequested');
   *   volume.instanceId = vm.uuid;
   *   await manager.save(volume);
   * });
   * ```
   */
  send<TEntity extends object>(
    entity: TEntity,
    event: EventOfEntity<TEntity>,
    options: SendOptions = {},
  ): void {
    this.#gate.assertOpen();
    checkCall(sendSchema, options);
    this.#parts.subscriber.send(entity, event, options);
  }

  /**
   * Creates a resource and announces it, in one commit. What `manager.save(new Volume())` does too.
   *
   * @param values The entity's own columns. `uuid` and `state` have defaults: a UUIDv7, and the
   * initial state of the lifecycle.
   * @throws RefusedError UNKNOWN_INITIAL_STATE when it cannot be created in `values.state`, MALFORMED_UUID.
   */
  async create<R extends ResourceRef>(
    resource: R,
    values: Partial<EntityOf<R>> = {},
    options: CreateOptions = {},
  ): Promise<EntityOf<R>> {
    using _ = this.#gate.enter();
    checkCall(createSchema, options);
    const { entity, columns } = this.#parts.registry.get(resource);
    // TypeORM looks for the row first, and PostgreSQL would refuse that as a statement.
    const uuid: unknown = Reflect.get(values, columns.uuid.property);
    if (uuid != null) canonicalUuid(uuid as string);
    const instance = this.#parts.dataSource.manager.create(entity as new () => object, values);
    const saved = await this.#write('create', instance, options, async (manager) =>
      manager.save(instance),
    );
    return saved as EntityOf<R>;
  }

  /** Removes a resource's row and announces it, in one commit. */
  async remove<TEntity extends object>(
    entity: TEntity,
    options: CreateOptions = {},
  ): Promise<void> {
    using _ = this.#gate.enter();
    checkCall(removeSchema, options);
    await this.#write('remove', entity, options, async (manager) => manager.remove(entity));
  }

  /**
   * Reads a resource and tells whether an event is lawful for it now, why not, and what is. Locks
   * nothing: by the time you act it may be otherwise.
   *
   * @throws RefusedError MALFORMED_UUID, UNKNOWN_RESOURCE.
   */
  async explain<R extends ResourceRef>(
    resource: R,
    uuid: string,
    event: EventOf<LifecycleOf<R>>,
  ): Promise<Explanation> {
    this.#gate.assertOpen();
    const binding = this.#parts.registry.get(resource);
    return this.#parts.transitions.explain(binding, canonicalUuid(uuid), event);
  }

  /**
   * Announces Started, runs the operation, then announces Completed or Failed with its outcome, error
   * and duration. Everything announced inside carries the action as its cause. Rejects with what the
   * operation rejects with.
   *
   * @example
   * ```ts
   * await signalbox.action('VM.START', { subject: { resource: 'VirtualMachine', uuid } }, () =>
   *   hypervisor.start(uuid),
   * );
   * ```
   */
  async action<T>(
    type: DeclaredType<E, 'ActionEvent'>,
    settings: ActionSettings,
    operation: (action: ActionHandle) => T | Promise<T>,
  ): Promise<T> {
    using _ = this.#gate.enter();
    checkCall(actionSchema, settings);
    return await inSpan(
      () => callSpan('action', type, { 'signalbox.type': type }),
      () => runAction(this.#parts, type, withCanonicalSubject(settings), operation),
    );
  }

  /**
   * Announces that something billable began, ended or changed, in one commit or in the transaction
   * given. Resolves with the event's id.
   *
   * @throws RefusedError UNKNOWN_EVENT_TYPE, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE; nothing is written.
   */
  async recordUsage(
    type: DeclaredType<E, 'UsageEvent'>,
    options: AnnouncementOptions = {},
  ): Promise<string> {
    checkCall(usageSchema, options);
    const { details } = options;
    return this.#announce('UsageEvent', type, options, details === undefined ? {} : { details });
  }

  /**
   * Announces that somebody should look, in one commit or in the transaction given. Resolves with the
   * event's id.
   *
   * @param about One line; `options.body` says the rest.
   * @throws RefusedError UNKNOWN_EVENT_TYPE, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE; nothing is written.
   */
  async raiseAlert(
    type: DeclaredType<E, 'AlertEvent'>,
    about: string,
    options: AnnouncementOptions & { readonly body?: string } = {},
  ): Promise<string> {
    checkCall(alertSchema, options);
    const { body, details } = options;
    return this.#announce('AlertEvent', type, options, {
      subject: about,
      ...(body === undefined ? {} : { body }),
      ...(details === undefined ? {} : { details }),
    });
  }

  /**
   * Runs `work` so that every event announced inside carries the actor, correlation and causation
   * given, over awaits, without passing them along.
   */
  withContext<T>(context: AmbientContext, work: () => T): T {
    checkCall(contextSchema, context);
    return withContext(context, work);
  }

  /**
   * Receives events from a bus, decoded and checked. Returning acknowledges, throwing retries.
   *
   * @param selection A typed filter, a topic pattern such as `*.*.*.VirtualMachine.#`, or several.
   * @param options.pool Exactly one member of a pool handles each event; without one, this subscriber
   * sees everything from now on.
   * @param options.bus Name of the bus, when there are several.
   * @throws RefusedError FILTER_INVALID for a selection that can match nothing.
   * @throws ConfigurationError when the bus is not told, or an option is out of range.
   * @throws UnavailableError BUS_UNAVAILABLE when the bus is away.
   */
  async subscribe<const S extends EventSelection>(
    selection: KnownSelection<S, E>,
    handler: EventHandler<SelectedEvent<S>>,
    options: SubscribeOptions & { readonly bus?: string } = {},
  ): Promise<BusSubscription> {
    this.#gate.assertNotClosing();
    checkOptions(signalboxSubscribeSchema, options);
    const { bus: name, ...own } = options;
    const bus = this.#bus(name);
    const subscription = await subscribeEvents<EventSelection>(
      bus,
      bus.format ?? this.#parts.format,
      selection as EventSelection,
      handler as EventHandler,
      { ...own, maxIncoming: own.maxIncoming ?? this.#parts.maxIncoming },
    );
    if (this.#closing !== undefined) {
      await subscription.unsubscribe();
      this.#gate.assertNotClosing();
    }
    return this.#remembered(subscription, bus.name);
  }

  /**
   * The resources of a type as they are, and then each change to them, without end: list and watch, as a
   * cloud's API has it. Nothing falls between the list and the changes, and after a loss, an overflow or
   * an expired bookmark the table is read anew by itself. See `docs/watching.md`.
   *
   * @param options.from `'snapshot'` (default), `'now'`, or the bookmark of an earlier `synced`.
   * @param options.bus Name of the bus, when there are several.
   * @throws ConfigurationError RESOURCE_NOT_REGISTERED, or an option is out of range.
   * @throws UnavailableError BUS_UNAVAILABLE, DATABASE_UNAVAILABLE; later failures are waited out.
   *
   * @example
   * ```ts
   * for await (const change of await signalbox.watch(Volume, { account: 'acme' })) {
   *   if (change.type === 'removed') cache.delete(change.resource.uuid);
   *   else if ('resource' in change) cache.set(change.resource.uuid, change.resource);
   * }
   * ```
   */
  async watch<R extends ResourceRef>(
    resource: R,
    options: WatchOptions<StateOf<LifecycleOf<R>>> & { readonly bus?: string } = {},
  ): Promise<Watch<StateOf<LifecycleOf<R>>>> {
    this.#gate.assertNotClosing();
    checkOptions(watchSchema, options);
    const { registry, dataSource, store, format, maxIncoming } = this.#parts;
    const bus = this.#bus(options.bus);
    const parts = {
      dataSource,
      journal: store.journal,
      connectionUse: () => store.connectionUse(),
      binding: registry.get(resource),
      bus,
      format,
      maxIncoming,
    };
    const watch: Watch<StateOf<LifecycleOf<R>>> = new Watch(parts, options, () =>
      this.#watches.delete(watch),
    );
    this.#watches.add(watch);
    await watch.start();
    if (this.#closing !== undefined) {
      await watch.close();
      this.#gate.assertNotClosing();
    }
    return watch;
  }

  /**
   * The journal of one resource, in order: what it lived through, who did it and why. Of removed
   * resources too.
   *
   * @param options.after A journal position: only what comes behind it. Default everything.
   * @param options.limit Records at the most. Default 1000.
   * @param options.account Only events that tell this owner (`domain`, `project` likewise): of a
   * resource that changed hands, those of its time with them.
   * @throws RefusedError FILTER_INVALID for an owner that is not told, such as `account: undefined`.
   */
  async history(
    resource: ResourceRef,
    uuid: string,
    options: HistoryOptions & TenancyFilter = {},
  ): Promise<readonly JournalRecord[]> {
    using _ = this.#gate.enter();
    checkCall(historySchema, options);
    const binding = this.#parts.registry.get(resource);
    const { after = 0, limit = 1000 } = options;
    const query = { resource: binding.resource, uuid: canonicalUuid(uuid), after, limit };
    const wanted = wantedTenancy(options);
    return await withTypedErrors(() => readHistory(this.#parts.store.journal, query, wanted));
  }

  /**
   * Sends events of the journal once more, to one pool and to nobody else: in order for each resource,
   * marked as replayed (`replayedAt(delivery)`), and under the ids they always had, so that `idempotent`
   * handlers skip those they have handled.
   *
   * @param selection As for `subscribe`: a typed filter, a topic pattern, or several.
   * @param options.bus Name of the bus, when there are several.
   * @throws RefusedError FILTER_INVALID, POOL_UNKNOWN; nothing is sent.
   * @throws UnavailableError REPLAY_INTERRUPTED with the `position` to go on behind.
   *
   * @example
   * ```ts
   * await signalbox.replay(
   *   { category: 'UsageEvent' },
   *   { pool: 'billing', since: '2026-03-01T00:00:00Z', rate: 500 },
   * );
   * ```
   */
  async replay<const S extends EventSelection>(
    selection: KnownSelection<S, E>,
    options: ReplayOptions & { readonly bus?: string },
  ): Promise<ReplayResult> {
    using _ = this.#gate.enter();
    checkOptions(replaySchema, options);
    const { store, format } = this.#parts;
    const bus = this.#bus(options.bus);
    return await replay({ journal: store.journal, bus, format }, selection, options);
  }

  /** How full the outbox is, and how old its oldest event. */
  async outboxDepth(): Promise<OutboxDepth> {
    this.#gate.assertOpen();
    return withTypedErrors(() => this.#parts.store.outbox.depth());
  }

  /**
   * Ends in order: takes no more subscriptions, waits for handlers, watches and calls under way while
   * their calls still work, then refuses calls, and publishes the outbox as far as the buses take it
   * within the relay's `stopTimeout`. Subscribers of an in-process bus receive what was committed before.
   *
   * A handler or a call that does not return within `closeTimeout` is waited for no longer: its later
   * calls reject with ClosedError, and a warning of the process (`SIGNALBOX_CLOSE_TIMEOUT`) says so.
   * The DataSource and the buses stay yours to close. Safe to call twice.
   */
  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    const { transitions, sweeper, relay, dispose, closeTimeout } = this.#parts;
    this.#gate.beginClosing();
    await sweeper?.stop();
    const bound = new AbortController();
    const timer = setTimeout(() => bound.abort(), closeTimeout);
    await this.#drain(bound.signal);
    clearTimeout(timer);
    if (bound.signal.aborted) {
      process.emitWarning(
        `Signalbox.close() waited ${closeTimeout} ms for handlers, watches and calls under way, and goes on without them.`,
        { code: 'SIGNALBOX_CLOSE_TIMEOUT' },
      );
    }
    this.#gate.close();
    await transitions.close();
    await relay?.stop();
    await dispose();
  }

  /** Ends subscriptions, watches and calls under way, in this order, each as far as `bound` allows. */
  async #drain(bound: AbortSignal): Promise<void> {
    const { store, relay } = this.#parts;
    const watches = [...this.#watches];
    const subscriptions = [...this.#subscriptions.keys()];
    const all = new Map(this.#subscriptions);
    for (const { subscription, bus } of watches) {
      if (subscription !== undefined) all.set(subscription, bus);
    }
    await unlessAborted(drainInProcess(all, store.outbox, relay, bound), bound);
    // What the broker does not answer to, it forgets with the connection.
    const ended = Promise.allSettled([
      ...subscriptions.map((subscription) => subscription.unsubscribe()),
      ...watches.map((watch) => watch.finish()),
    ]);
    await unlessAborted(ended, bound);
    await unlessAborted(this.#gate.idle(), bound);
    if (bound.aborted) watches.forEach((watch) => void watch.close().catch(() => undefined));
  }

  /** Ended with this Signalbox, and forgotten when it ends before. */
  #remembered(subscription: BusSubscription, bus: string): BusSubscription {
    const unsubscribe: BusSubscription['unsubscribe'] = async (options) => {
      await subscription.unsubscribe(options);
      this.#subscriptions.delete(remembered);
    };
    const remembered: BusSubscription = {
      patterns: subscription.patterns,
      pool: subscription.pool,
      get paused() {
        return subscription.paused;
      },
      pause: () => subscription.pause(),
      resume: () => subscription.resume(),
      ...(subscription.caughtUp === undefined
        ? {}
        : { caughtUp: async () => subscription.caughtUp?.() }),
      unsubscribe,
      [Symbol.asyncDispose]: () => unsubscribe(),
    };
    this.#subscriptions.set(remembered, bus);
    return remembered;
  }

  async #write<T>(
    operation: 'create' | 'remove',
    entity: object,
    options: CreateOptions,
    work: (manager: EntityManager) => Promise<T>,
  ): Promise<T> {
    const { dataSource, registry, subscriber } = this.#parts;
    return inSpan(
      () => {
        const binding = registry.bindings.find((each) => each.entity === entity.constructor);
        const uuid: unknown = binding && Reflect.get(entity, binding.columns.uuid.property);
        const resource = binding?.resource ?? entity.constructor.name;
        return callSpan(operation, resource, {
          'signalbox.resource': resource,
          ...(typeof uuid === 'string' ? { 'signalbox.uuid': uuid } : {}),
        });
      },
      () => writeEntity(dataSource, subscriber, entity, options, work),
    );
  }

  async #announce(
    category: 'UsageEvent' | 'AlertEvent',
    type: string,
    options: AnnouncementOptions,
    data: object,
  ): Promise<string> {
    using _ = this.#gate.enter();
    const { subject, manager, account, domain, project } = withCanonicalSubject(options);
    return await inSpan(
      () =>
        callSpan('announce', category, { 'signalbox.category': category, 'signalbox.type': type }),
      () =>
        this.#parts.eventWriter.announce({
          category,
          type,
          data,
          subject,
          tenancy: { account, domain, project },
          context: options,
          manager,
        }),
    );
  }

  #bus(name: string | undefined): Bus {
    const { buses } = this.#parts;
    const bus = name === undefined ? buses[0] : buses.find((candidate) => candidate.name === name);
    if (bus === undefined || (name === undefined && buses.length > 1)) {
      const names = buses.map((candidate) => candidate.name).join(', ');
      throw new ConfigurationError(
        'CONFIG_VALUE_INVALID',
        buses.length === 0
          ? 'No bus is configured, so there is nothing to subscribe to. Pass createSignalbox({ bus }).'
          : `Say which bus to subscribe on with options.bus: ${names}.`,
        { parameters: { bus: name ?? null } },
      );
    }
    return bus;
  }
}

/** The events that an entity's lifecycle takes; any text for an entity that is mapped. */
export type EventOfEntity<TEntity> = TEntity extends { readonly '~event'?: infer TEvent }
  ? unknown extends TEvent
    ? string
    : NonNullable<TEvent> & string
  : string;
