import type { JsonObject, JsonValue } from '../../../core/json/json.js';

/** The priorities of OpenStack's notifications: each has a queue and a method of its own. */
export const notificationPriorities = [
  'debug',
  'info',
  'warn',
  'error',
  'critical',
  'audit',
  'sample',
] as const;

/** How much a notification matters, and to whom: `audit` and `sample` are for their own readers. */
export type NotificationPriority = (typeof notificationPriorities)[number];

/** A notification, field by field as Nova has written them since 2011. */
export interface Notification {
  /** Stable over every redelivery; a consumer deduplicates on it. */
  readonly message_id: string;
  /** Publisher: `service.host`, such as `compute.host1`. */
  readonly publisher_id: string;
  /** Dotted: `<object>.<action>[.<phase>]`, such as `instance.create.end`. */
  readonly event_type: string;
  /** In upper case, as on the wire. */
  readonly priority: Uppercase<NotificationPriority>;
  /** Any JSON; an object, by custom. */
  readonly payload: JsonValue;
  /** UTC, `YYYY-MM-DD HH:MM:SS.ffffff`, without a zone. */
  readonly timestamp: string;
}

/** The request that a notification is part of, such as `request_id`, `user_id`, `project_id`. */
export type NotificationContext = JsonObject;

/** A notification of anybody's: oslo.messaging demands no more than a priority. */
export interface ReceivedNotification
  extends Partial<Omit<Notification, 'priority' | 'payload'>>, Pick<Notification, 'priority'> {
  /** Null when the sender gave none. */
  readonly payload: JsonValue;
  /** Without the prefix `_context_`. Many releases of OpenStack send none. */
  readonly context: NotificationContext;
  /** The CloudEvents attributes of an event that Signalbox published in this format. */
  readonly cloudevent?: JsonObject;
}

/** Pure. The priority of any spelling; undefined for what is none. */
export function priorityOf(text: unknown): NotificationPriority | undefined {
  const lower = typeof text === 'string' ? text.toLowerCase() : undefined;
  return notificationPriorities.find((each) => each === lower);
}

/** Pure. A priority as it stands in a notification. */
export function priorityName(priority: NotificationPriority): Uppercase<NotificationPriority> {
  return priority.toUpperCase() as Uppercase<NotificationPriority>;
}

/** Pure. An instant as Python writes it: the fraction is absent where it is zero. */
export function notificationTime(instant: Date): string {
  const [date, clock = ''] = instant.toISOString().replace('Z', '').split('T');
  const [seconds, fraction] = clock.split('.');
  return fraction === '000' ? `${date} ${seconds}` : `${date} ${seconds}.${fraction}000`;
}
