/**
 * The contract of a bus, and what works on any bus: subscriptions, dead letters, routing keys.
 *
 * @module
 */
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
  RedriveOptions,
  RetryPolicy,
  SubscribeOptions,
} from './bus.js';
export { groupDeadLetters } from './dead-letter-groups.js';
export type { DeadLetterGroup } from './dead-letter-groups.js';
export type { CredentialsProvider, PasswordCredentials } from './credentials.js';
export { subscribeEvents } from './event-subscription.js';
export type { EventHandler, SelectedEvent } from './event-subscription.js';
export type { BusNotice, BusNoticeListener } from './notice.js';
export type { FilterResource } from '../../core/events/filter-resource.js';
export type { KnownSelection } from '../../core/events/known-selection.js';
export { bindingPatterns } from '../../core/events/filter.js';
export { parseRoutingKey, routingKey, routingKeyOf } from '../../core/events/routing-key.js';
export type { RoutingKeyParts, RoutingKeyWords } from '../../core/events/routing-key.js';
