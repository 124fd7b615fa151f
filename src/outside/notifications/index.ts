/** Notifications as OpenStack knows them: the entry `signalbox/notifications`. */
export { notifier } from './notifier.js';
export type { Notifier, NotifierOptions, Notify, NotifyOptions } from './notifier.js';
export type { NotificationDriver, PlainDriverName } from './driver.js';
export { busDriver } from './bus-driver.js';
export type { BusDriverOptions } from './bus-driver.js';
export { logDriver } from './log-driver.js';
export type { NotificationLogger } from './log-driver.js';
export { messagingDriver } from './messaging-driver.js';
export type { MessagingDriverOptions } from './messaging-driver.js';
export { noopDriver } from './noop-driver.js';
export { routingDriver, routingDriverFromYaml } from './routing-driver.js';
export type { RoutingGroups, RoutingRule } from './routing-driver.js';
export { testDriver } from './test-driver.js';
export type { Recorded, TestDriver } from './test-driver.js';
export { notifyStateChanges } from './state-changes.js';
export { readNotification } from './read-notification.js';
export type { NotificationMessage } from './read-notification.js';
export { fromOslo } from '../../delivery/formats/oslo/from-oslo.js';
export type { FromOsloOptions } from '../../delivery/formats/oslo/from-oslo.js';
export { toNotification } from '../../delivery/formats/oslo/to-notification.js';
export type {
  MappedNotification,
  NotificationMapping,
} from '../../delivery/formats/oslo/to-notification.js';
export { notificationPriorities } from '../../delivery/formats/oslo/notification.js';
export type {
  Notification,
  NotificationContext,
  NotificationPriority,
  ReceivedNotification,
} from '../../delivery/formats/oslo/notification.js';
