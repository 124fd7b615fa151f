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
  RetryPolicy,
  SubscribeOptions,
} from './bus.js';
export { groupDeadLetters } from './dead-letter-groups.js';
export type { DeadLetterGroup } from './dead-letter-groups.js';
export { subscribeEvents } from './event-subscription.js';
export { bindingPatterns } from '../../core/events/filter.js';
export { parseRoutingKey, routingKey, routingKeyOf } from '../../core/events/routing-key.js';
export type { RoutingKeyParts, RoutingKeyWords } from '../../core/events/routing-key.js';
