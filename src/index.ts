/**
 * Signalbox: lawful transitions, every one announced.
 *
 * @module
 */

// Signalbox
export { createSignalbox } from './signalbox/create-signalbox.js';
export type { SignalboxOptions } from './signalbox/create-signalbox.js';
export type { GaleraUse } from './persistence/mysql/verify-server.js';
export { Signalbox } from './signalbox/signalbox.js';
export type { AnnouncementOptions, CreateOptions, EventOfEntity } from './signalbox/signalbox.js';
export type { TransitionOptions } from './signalbox/transitions.js';
export type { TransitionResult } from './core/planning/transition-request.js';
export type { SendOptions } from './persistence/guard/subscriber.js';
export { ActionEvent } from './operations/action/action-event.js';
export type { ActionHost } from './operations/action/action-event.js';
export type { ActionHandle, ActionSettings } from './operations/action/action.js';
export { Jobs } from './operations/jobs/jobs.js';
export type { JobSettings } from './operations/jobs/jobs.js';
export { withContext } from './context/ambient.js';
export type { AmbientContext } from './context/ambient.js';

// Lifecycles; more in `signalbox/lifecycle`
export { defineLifecycle } from './core/lifecycle/define-lifecycle.js';
export type { LifecycleDefinition } from './core/lifecycle/define-lifecycle.js';
export { effects, type EffectParams } from './core/lifecycle/effects.js';
export type {
  AnyLifecycle,
  ContextOf,
  EventOf,
  Lifecycle,
  StateOf,
} from './core/lifecycle/lifecycle.js';

// Resources and their tables
export { ResourceEntity } from './persistence/resource/resource-entity.js';
export { mapResource } from './persistence/resource/resource.js';
export type {
  ResourceClass,
  ContextNeeds,
  ResourceColumns,
  ResourceDefinition,
  ResourceMapping,
  ResourceRef,
} from './persistence/resource/resource.js';
export { migrations, migrationsFor } from './persistence/migrations/migrations.js';
export { placeTables } from './persistence/tables/placed-tables.js';
export type { TablePlacement } from './persistence/tables/table-names.js';
export { migrate } from './persistence/migrations/migrate.js';
export type { GroupCommitOptions } from './persistence/commit/group-commit.js';
export type { JournalRecord } from './core/planning/journal-entry.js';
export { purgeJournal } from './persistence/purge-journal.js';
export type { JournalPurgeOptions } from './persistence/purge-journal.js';
export type { SweeperOptions } from './operations/deadlines/sweeper.js';

// Events
export { categories } from './core/events/category.js';
export type { Category } from './core/events/category.js';
export type {
  AlertEvent,
  AsyncJobEvent,
  EventAttributes,
  ResourceStateEvent,
  SignalboxEvent,
  UsageEvent,
} from './core/events/event.js';
export { defineEventTypes } from './core/events/event-types.js';
export type { EventTypeNames, EventTypeOf, EventTypes } from './core/events/event-types.js';
export type { EventFilter, EventSelection } from './core/events/event-filter.js';
export type { FilterResource } from './core/events/filter-resource.js';
export { foreignType } from './core/events/foreign-type.js';
export type { ForeignType } from './core/events/foreign-type.js';
export type { KnownSelection } from './core/events/known-selection.js';
export type { JsonObject, JsonValue } from './core/json/json.js';

// Publishing and consuming; more in `signalbox/bus`, `signalbox/consuming`, `signalbox/formats` and `signalbox/relay`
export { memoryBus } from './delivery/memory/memory-bus.js';
export type { MemoryBusOptions } from './delivery/memory/memory-bus.js';
export type {
  Bus,
  BusSubscription,
  Delivery,
  RetryPolicy,
  SubscribeOptions,
} from './delivery/bus/bus.js';
export type { BusNotice, BusNoticeListener } from './delivery/bus/notice.js';
export type { EventHandler, SelectedEvent } from './delivery/bus/event-subscription.js';
export { DeadLetterError } from './delivery/bus/dead-letter-error.js';
export type { RelayListener, RelayNotice } from './delivery/relay/relay-notice.js';
export type { RelayOptions } from './delivery/relay/relay-options.js';
export type { OutboxDepth } from './core/stores/outbox-store.js';
export { idempotent } from './consuming/inbox/idempotent.js';
export type { Identified, IdempotentOptions } from './consuming/inbox/idempotent.js';
export type {
  RefusedReplay,
  ReplayOptions,
  ReplayProgress,
  ReplayResult,
} from './consuming/replay/replay.js';
export { Watch } from './consuming/watch/watch.js';
export type { WatchOptions } from './consuming/watch/watch.js';
export type { ResyncReason, WatchedResource, WatchEvent } from './consuming/watch/watch-event.js';
export type { WatchSelection } from './consuming/watch/watch-view.js';

// Configuration and errors
export { defineConfig } from './config/configuration.js';
export type { Configuration } from './config/configuration.js';
export { errorClasses, errorCodes } from './core/errors/codes.js';
export type { CodeOf, ErrorClass, ErrorCode } from './core/errors/codes.js';
export {
  ClosedError,
  ConfigurationError,
  ConflictError,
  DefinitionError,
  ActionNotAnnouncedError,
  OutcomeUnknownError,
  RefusedError,
  SignalboxError,
  UnavailableError,
} from './core/errors/errors.js';
export type { Refusal } from './core/errors/errors.js';
