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
export { notificationService } from './notification-service.js';
export type {
  NotificationService,
  NotificationServiceOptions,
  ServiceLog,
} from './notification-service.js';
export { listen } from './listen.js';
export type { Listening, ListenOptions } from './listen.js';
export type { JwtOptions } from './access/access.js';
export type { EngineOptions } from './engine/engine.js';
export type { AddressTier, GuardOptions } from './guard/addresses.js';
export type { Resolver } from './guard/guarded-agent.js';
export type { Scope, TokenRecord, TokenStore } from './store/token-store.js';
export type { Transform } from './webhook/webhook-channel.js';
export type { Application } from '../persistence/application.js';
