/**
 * Signalbox: lawful transitions, every one announced.
 *
 * @module
 */

// Public API: Signalbox
export { createSignalbox } from './create-signalbox.js';
export type { SignalboxOptions } from './create-signalbox.js';
export { Signalbox } from './signalbox.js';
export type { AnnouncementOptions, CreateOptions, EventOfEntity } from './signalbox.js';
export type { TransitionOptions } from './transitions.js';
export { ActionEvent } from './action/action-event.js';
export type { ActionHost } from './action/action-event.js';
export type { ActionHandle, ActionSettings } from './action/action.js';
export { Jobs } from './jobs/jobs.js';
export type { JobSettings } from './jobs/jobs.js';
export { withContext } from './context/ambient.js';
export type { AmbientContext } from './context/ambient.js';

// Lifecycles
export { defineLifecycle } from './lifecycle/define-lifecycle.js';
export type { LifecycleDefinition } from './lifecycle/define-lifecycle.js';
export { effects } from './events/known-effects.js';
export type { EffectName, EffectParams } from './lifecycle/effects.js';
export { birth, step, stepDeadline } from './lifecycle/step.js';
export type { DeadlineStep, Step } from './lifecycle/step.js';
export { explain } from './lifecycle/explain.js';
export type { Explanation } from './lifecycle/explain.js';
export { lawfulEvents } from './lifecycle/lawful-events.js';
export { plan } from './lifecycle/plan.js';
export type { Plan } from './lifecycle/plan.js';
export { describeLifecycle } from './lifecycle/describe-lifecycle.js';
export type { LifecycleDescription } from './lifecycle/describe-lifecycle.js';
export type { EventInput, Position } from './lifecycle/position.js';
export type { Refused } from './lifecycle/refusals.js';
export { lifecycleTable } from './lifecycle/lifecycle-table.js';
export { deadlineExceeded, stuckAlert } from './lifecycle/lifecycle.js';
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
} from './lifecycle/lifecycle.js';

// Resources and their tables
export { ResourceEntity } from './store/resource-entity.js';
export { mapResource } from './store/resource.js';
export type {
  ResourceClass,
  ResourceColumns,
  ResourceDefinition,
  ResourceMapping,
  ResourceRef,
} from './store/resource.js';
export { migrations } from './store/migrations/migrations.js';
export { migrate } from './store/migrations/migrate.js';
export { openStore } from './store/open-store.js';
export type {
  OutboxDepth,
  OutboxRef,
  OutboxStore,
  ParkedRecord,
  Store,
  Transitioned,
} from './store/store.js';
export type { GroupCommitOptions } from './store/group-commit.js';
export type { JournalEntry, JournalRecord } from './store/journal-entry.js';
export type { SendOptions } from './store/subscriber.js';

// Events
export { categories } from './events/category.js';
export type { Category } from './events/category.js';
export type {
  AlertEvent,
  AsyncJobEvent,
  EventAttributes,
  ResourceStateEvent,
  SignalboxEvent,
  UsageEvent,
} from './events/event.js';
export { defineEventTypes } from './events/event-types.js';
export type {
  CustomEventTypes,
  CustomTypesOf,
  EventType,
  EventTypes,
  KnownActionType,
  KnownAlertType,
  KnownUsageType,
} from './events/event-types.js';
export { bindingPatterns } from './events/filter.js';
export type { EventFilter, EventSelection } from './events/event-filter.js';
export type { FilterResource } from './events/filter-resource.js';
export { foreignType } from './events/foreign-type.js';
export type { ForeignType } from './events/foreign-type.js';
export type { KnownSelection } from './events/known-selection.js';
export { parseRoutingKey, routingKey, routingKeyOf } from './events/routing-key.js';
export type { RoutingKeyParts, RoutingKeyWords } from './events/routing-key.js';
export { eventSchemas } from './events/schemas.js';
export { cloudEvents } from './formats/cloudevents.js';
export { cloudEventsBinary } from './formats/cloudevents-binary.js';
export type { Transport } from './formats/cloudevents-binary.js';
export { cloudStack } from './formats/cloudstack/cloudstack.js';
export { oslo } from './formats/oslo/oslo.js';
export type { OsloFormatOptions } from './formats/oslo/oslo.js';
export { defineFormats, formats } from './formats/formats.js';
export type { FormatName, Formats } from './formats/formats.js';
export type { EncodedEvent, EnvelopeHead, Format, ReceivedEvent } from './formats/format.js';
export type { JsonObject, JsonValue } from './json/json.js';

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
} from './bus/bus.js';
export { DeadLetterError } from './bus/dead-letter-error.js';
export { groupDeadLetters } from './bus/dead-letter-groups.js';
export type { DeadLetterGroup } from './bus/dead-letter-groups.js';
export { memoryBus } from './bus/memory/memory-bus.js';
export type { MemoryBusOptions } from './bus/memory/memory-bus.js';
export { subscribeEvents } from './bus/event-subscription.js';
export type { EventHandler, SelectedEvent } from './bus/event-subscription.js';
export type { BusNotice, BusNoticeListener } from './bus/notice.js';
export { idempotent } from './inbox/idempotent.js';
export type { Identified, IdempotentOptions } from './inbox/idempotent.js';
export { purgeInbox, purgeInboxRegularly } from './inbox/purge-inbox.js';
export type { InboxPurge, InboxPurgeOptions, InboxRetention } from './inbox/purge-inbox.js';
export { RevisionTracker } from './inbox/revision-tracker.js';
export { trackedChange } from './inbox/revisions.js';
export type { RevisionGap, TrackedChange, TrackedResource } from './inbox/revisions.js';
export { trackRevisions } from './inbox/track-revisions.js';
export type { TrackRevisionsOptions } from './inbox/track-revisions.js';
export { replayedAt, replayedHeader } from './replay/replayed.js';
export type { ReplayOptions, ReplayProgress, ReplayResult } from './replay/replay.js';
export { Watch } from './watch/watch.js';
export type { WatchOptions } from './watch/watch.js';
export type { ResyncReason, WatchedResource, WatchEvent } from './watch/watch-event.js';
export type { WatchSelection } from './watch/watch-view.js';
export { createRelay } from './relay/relay.js';
export type { Relay, RelaySetup } from './relay/relay.js';
export type { RelayListener, RelayNotice } from './relay/relay-notice.js';
export type { RelayOptions } from './relay/relay-options.js';
export type { SweeperOptions } from './deadlines/sweeper.js';

// Configuration and errors
export { defineConfig } from './config/configuration.js';
export type { Configuration } from './config/configuration.js';
export { errorCodes } from './errors/codes.js';
export type { ErrorCode } from './errors/codes.js';
export {
  ConfigurationError,
  ConflictError,
  DefinitionError,
  RefusedError,
  SignalboxError,
  UnavailableError,
} from './errors/errors.js';
export type { Refusal } from './errors/errors.js';
