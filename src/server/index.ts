// The public API of `signalbox/server`: the notification service as a library.
export { defineChannel } from './engine/channel.js';
export type { Channel, ChannelDelivery, EndpointRequest, Outcome } from './engine/channel.js';
export type { PhasedRetry, RetryPolicy } from './engine/retry-policy.js';
export type { Condition, ContentCheck, ContentFilter } from './filter/content-filter.js';
export type { Explanation } from './filter/endpoint-index.js';
export type {
  Attempt,
  Delivery,
  DeliveryStatus,
  DueDelivery,
  Endpoint,
  EndpointSecret,
  EndpointSettings,
  EndpointStatus,
  LoggedEvent,
  Owner,
  Reach,
} from './model.js';
