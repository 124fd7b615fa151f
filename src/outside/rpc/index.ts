/**
 * Events and calls between daemons: events of objects, events over a bus, services over a bus.
 *
 * @module
 */

// Events of objects
export { event } from '../object-events/object-event.js';
export type {
  EventSettings,
  ObjectEvent,
  ObjectEventHandler,
  ObjectEventOptions,
  ObjectSubscription,
} from '../object-events/object-event.js';
export { fires } from '../object-events/fires.js';
export type { FailureListener } from '../object-events/report-failure.js';

// Events over a bus
export { EventManager } from './event-manager.js';
export type {
  EmitOptions,
  EventManagerOptions,
  TopicOptions,
  TopicSubscription,
  UntypedTopics,
} from './event-manager.js';
export type { EventInfo, TopicHandler } from './topic-handler.js';
export type { MatchedTopics, Matching, PayloadOf } from './topic-types.js';

// Services
export { ServiceManager } from './service-manager.js';
export type { ExposedService, ExposeOptions, ServiceManagerOptions } from './service-manager.js';
export { method } from './method.js';
export type { Call, MethodDefinition, MethodHandler } from './method.js';
export type {
  CallOptions,
  CallParameters,
  Client,
  Implementation,
  ResultOf,
  UntypedServices,
} from './service-types.js';
export { MethodFailedError, ServiceError } from './service-error.js';
export type { ServiceErrorClass, ServiceErrorFields } from './service-error.js';
export type { RpcNotice, RpcNoticeListener } from './notice.js';
