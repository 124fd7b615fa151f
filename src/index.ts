/**
 * Signalbox: lawful transitions, every one announced.
 *
 * @module
 */

// Signalbox
export { createSignalbox } from './signalbox/create-signalbox.js';
export type { SignalboxOptions } from './signalbox/create-signalbox.js';
export { Signalbox } from './signalbox/signalbox.js';
export type {
  AnnouncementOptions,
  CreateOptions,
  EventOfEntity,
  HistoryOptions,
} from './signalbox/signalbox.js';
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
export type { Tenancy } from './core/planning/event-context.js';

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
  ContextNeeds,
  EntityClass,
  EntityOf,
  LifecycleOf,
  ResourceClass,
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
export { purgeJournal } from './persistence/purge-journal.js';
export type { JournalPurgeOptions } from './persistence/purge-journal.js';
export type { DueDeadline } from './core/stores/deadline-store.js';
export type { SweeperOptions } from './operations/deadlines/sweeper.js';

// Events
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
export type {
  DeclaredType,
  EventTypeNames,
  EventTypeOf,
  EventTypes,
  SignalboxAlertType,
} from './core/events/event-types.js';
export type {
  EventFilter,
  EventSelection,
  OneOrMore,
  TenancyFilter,
} from './core/events/event-filter.js';
export { foreignType } from './core/events/foreign-type.js';
export type { ForeignType } from './core/events/foreign-type.js';
export type { JsonObject, JsonValue } from './core/json/json.js';

// Publishing and consuming; more in `signalbox/bus`, `signalbox/consuming`, `signalbox/formats` and `signalbox/relay`
export { memoryBus } from './delivery/memory/memory-bus.js';
export type { MemoryBusOptions } from './delivery/memory/memory-bus.js';
export { DeadLetterError } from './delivery/bus/dead-letter-error.js';
export type { OutboxDepth } from './core/stores/outbox-store.js';
export { idempotent } from './consuming/inbox/idempotent.js';
export { Watch } from './consuming/watch/watch.js';
export type { WatchOptions } from './consuming/watch/watch.js';
export type { WatchedResource, WatchEvent } from './consuming/watch/watch-event.js';

// Configuration and errors
export { defineConfig } from './config/configuration.js';
export type { BusConfiguration, Configuration } from './config/configuration.js';
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
export type { ErrorFields, ErrorParameters, Refusal } from './core/errors/errors.js';
