/**
 * Signalbox: lawful transitions, every one announced.
 *
 * @module
 */

// Public API: Signalbox
export { createSignalbox } from './signalbox/create-signalbox.js';
export type { SignalboxOptions } from './signalbox/create-signalbox.js';
export { Signalbox } from './signalbox/signalbox.js';
export type { AnnouncementOptions, CreateOptions, EventOfEntity } from './signalbox/signalbox.js';
export type { TransitionOptions } from './signalbox/transitions.js';
export { ActionEvent } from './operations/action/action-event.js';
export type { ActionHost } from './operations/action/action-event.js';
export type { ActionHandle, ActionSettings } from './operations/action/action.js';
export { Jobs } from './operations/jobs/jobs.js';
export type { JobSettings } from './operations/jobs/jobs.js';
export { withContext } from './context/ambient.js';
export type { AmbientContext } from './context/ambient.js';

// Lifecycles
export { defineLifecycle } from './core/lifecycle/define-lifecycle.js';
export type { LifecycleDefinition } from './core/lifecycle/define-lifecycle.js';
export { effects } from './core/events/known-effects.js';
export type { EffectName, EffectParams } from './core/lifecycle/effects.js';
export { birth, step, stepDeadline } from './core/lifecycle/step.js';
export type { DeadlineStep, Step } from './core/lifecycle/step.js';
export { explain } from './core/lifecycle/explain.js';
export type { Explanation } from './core/lifecycle/explain.js';
export { lawfulEvents } from './core/lifecycle/lawful-events.js';
export { plan } from './core/lifecycle/plan.js';
export type { Plan } from './core/lifecycle/plan.js';
export { describeLifecycle } from './core/lifecycle/describe-lifecycle.js';
export type { LifecycleDescription } from './core/lifecycle/describe-lifecycle.js';
export type { EventInput, Position } from './core/lifecycle/position.js';
export type { Refused } from './core/lifecycle/refusals.js';
export { lifecycleTable } from './core/lifecycle/lifecycle-table.js';
export { deadlineExceeded, stuckAlert } from './core/lifecycle/lifecycle.js';
export type {
  AnyLifecycle,
  Birth,
  ContextOf,
  Deadline,
  Effect,
  EventOf,
  Lifecycle,
  StateDeclaration,
  StateOf,
  TableRow,
  TransitionDeclaration,
} from './core/lifecycle/lifecycle.js';

// Resources and their tables
export { ResourceEntity } from './persistence/resource/resource-entity.js';
export { mapResource } from './persistence/resource/resource.js';
export type {
  ResourceClass,
  ResourceColumns,
  ResourceDefinition,
  ResourceMapping,
  ResourceRef,
} from './persistence/resource/resource.js';
export { migrations } from './persistence/migrations/migrations.js';
export { migrate } from './persistence/migrations/migrate.js';
export { openStore } from './persistence/open-store.js';
export type {
  OutboxDepth,
  OutboxRef,
  OutboxStore,
  ParkedRecord,
} from './core/stores/outbox-store.js';
export type { Store } from './persistence/store.js';
export type { Transitioned } from './core/planning/transition-request.js';
export type { GroupCommitOptions } from './persistence/commit/group-commit.js';
export type { JournalEntry, JournalRecord } from './core/planning/journal-entry.js';
export type { SendOptions } from './persistence/guard/subscriber.js';

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
export type {
  CustomEventTypes,
  CustomTypesOf,
  EventType,
  EventTypes,
  KnownActionType,
  KnownAlertType,
  KnownUsageType,
} from './core/events/event-types.js';
export { bindingPatterns } from './core/events/filter.js';
export type { EventFilter, EventSelection } from './core/events/event-filter.js';
export type { FilterResource } from './core/events/filter-resource.js';
export { foreignType } from './core/events/foreign-type.js';
export type { ForeignType } from './core/events/foreign-type.js';
export type { KnownSelection } from './core/events/known-selection.js';
export { parseRoutingKey, routingKey, routingKeyOf } from './core/events/routing-key.js';
export type { RoutingKeyParts, RoutingKeyWords } from './core/events/routing-key.js';
export { eventSchemas } from './core/events/schemas.js';
export { cloudEvents } from './delivery/formats/cloudevents.js';
export { cloudEventsBinary } from './delivery/formats/cloudevents-binary.js';
export type { Transport } from './delivery/formats/cloudevents-binary.js';
export { cloudStack } from './delivery/formats/cloudstack/cloudstack.js';
export { oslo } from './delivery/formats/oslo/oslo.js';
export type { OsloFormatOptions } from './delivery/formats/oslo/oslo.js';
export { defineFormats, formats } from './delivery/formats/formats.js';
export type { FormatName, Formats } from './delivery/formats/formats.js';
export type {
  EncodedEvent,
  EnvelopeHead,
  Format,
  ReceivedEvent,
} from './delivery/formats/format.js';
export type { JsonObject, JsonValue } from './core/json/json.js';

// Buses and the relay
export type {
  Bus,
  BusCapabilities,
  BusMessage,
  BusSubscription,
  DeadLetter,
  DeadLetterCause,
  DeadLetterOrigin,
  DeadLetters,
  DeadLetterSelection,
  Delivery,
  DeliveryHandler,
  Published,
  RetryPolicy,
  SubscribeOptions,
} from './delivery/bus/bus.js';
export { DeadLetterError } from './delivery/bus/dead-letter-error.js';
export { groupDeadLetters } from './delivery/bus/dead-letter-groups.js';
export type { DeadLetterGroup } from './delivery/bus/dead-letter-groups.js';
export { memoryBus } from './delivery/memory/memory-bus.js';
export type { MemoryBusOptions } from './delivery/memory/memory-bus.js';
export { subscribeEvents } from './delivery/bus/event-subscription.js';
export type { EventHandler, SelectedEvent } from './delivery/bus/event-subscription.js';
export type { BusNotice, BusNoticeListener } from './delivery/bus/notice.js';
export { idempotent } from './consuming/inbox/idempotent.js';
export type { Identified, IdempotentOptions } from './consuming/inbox/idempotent.js';
export { purgeInbox, purgeInboxRegularly } from './consuming/inbox/purge-inbox.js';
export type {
  InboxPurge,
  InboxPurgeOptions,
  InboxRetention,
} from './consuming/inbox/purge-inbox.js';
export { RevisionTracker } from './consuming/inbox/revision-tracker.js';
export { trackedChange } from './consuming/inbox/revisions.js';
export type { RevisionGap, TrackedChange, TrackedResource } from './consuming/inbox/revisions.js';
export { trackRevisions } from './consuming/inbox/track-revisions.js';
export type { TrackRevisionsOptions } from './consuming/inbox/track-revisions.js';
export { replayedAt, replayedHeader } from './consuming/replay/replayed.js';
export type { ReplayOptions, ReplayProgress, ReplayResult } from './consuming/replay/replay.js';
export { Watch } from './consuming/watch/watch.js';
export type { WatchOptions } from './consuming/watch/watch.js';
export type { ResyncReason, WatchedResource, WatchEvent } from './consuming/watch/watch-event.js';
export type { WatchSelection } from './consuming/watch/watch-view.js';
export { createRelay } from './delivery/relay/relay.js';
export type { Relay, RelaySetup } from './delivery/relay/relay.js';
export type { RelayListener, RelayNotice } from './delivery/relay/relay-notice.js';
export type { RelayOptions } from './delivery/relay/relay-options.js';
export type { SweeperOptions } from './operations/deadlines/sweeper.js';

// Configuration and errors
export { defineConfig } from './config/configuration.js';
export type { Configuration } from './config/configuration.js';
export { errorCodes } from './core/errors/codes.js';
export type { ErrorCode } from './core/errors/codes.js';
export {
  ConfigurationError,
  ConflictError,
  DefinitionError,
  RefusedError,
  SignalboxError,
  UnavailableError,
} from './core/errors/errors.js';
export type { Refusal } from './core/errors/errors.js';
