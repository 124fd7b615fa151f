import { checkCall, checkOptions, optionsOf } from '../../core/options/check-options.js';
import {
  either,
  having,
  listOf,
  oneOf,
  plainObject,
  required,
  text,
} from '../../core/options/fields.js';
import { v7 as uuidv7 } from 'uuid';
import { RefusedError, UnavailableError } from '../../core/errors/errors.js';
import { messageOf } from '../../core/errors/to-error.js';
import {
  notificationPriorities,
  notificationTime,
  priorityName,
  priorityOf,
  type Notification,
  type NotificationContext,
  type NotificationPriority,
} from '../../delivery/formats/oslo/notification.js';
import type { JsonValue } from '../../core/json/json.js';
import { assertPlainJson } from '../../core/json/plain-json.js';
import type { NotificationDriver, PlainDriverName } from './driver.js';
import { logDriver } from './log-driver.js';
import { noopDriver } from './noop-driver.js';

/** Options of a notifier: its publisher and its drivers. */
export interface NotifierOptions {
  /** `service.host`, such as `compute.host1`. */
  readonly publisherId: string;
  /** Where notifications go: each to all of them. Without any, nowhere. */
  readonly drivers: readonly (NotificationDriver | PlainDriverName)[];
}

export const notifierSchema = optionsOf<NotifierOptions>('notifier()', {
  publisherId: required(text()),
  drivers: required(
    listOf(either(oneOf('noop', 'log'), having('a driver of notifications', 'notify'))),
  ),
});

/** Options of a notification besides type and payload. */
export interface NotifyOptions {
  /** The request it is part of. Never secrets: every listener gets it. Default none. */
  readonly context?: NotificationContext;
  /** For a notification that may be sent again: consumers deduplicate on it. Default a new UUIDv7. */
  readonly messageId?: string;
}

export const notifySchema = optionsOf<NotifyOptions>('notify()', {
  context: plainObject,
  messageId: text(),
});

/** Notifies with one priority. Rejects as `Notifier.notify` does. */
export type Notify = (
  eventType: string,
  payload: JsonValue,
  options?: NotifyOptions,
) => Promise<Notification>;

/** Tells whoever listens what happens, as Nova has done since 2011: one method for each priority. */
export interface Notifier extends Readonly<Record<NotificationPriority, Notify>>, AsyncDisposable {
  readonly publisherId: string;
  /** False when no driver but `noop` would hear: then a costly payload need not be made. */
  readonly enabled: boolean;
  /**
   * Sends a notification to every driver, and resolves with it when all of them have it.
   *
   * Rejects with RefusedError NOTIFICATION_INVALID (an unknown priority, an empty event type) or
   * PAYLOAD_NOT_JSON, and then no driver has heard of it; and with UnavailableError
   * NOTIFICATION_NOT_DELIVERED, which names the drivers that failed, when the others have it.
   */
  notify(
    priority: NotificationPriority,
    eventType: string,
    payload: JsonValue,
    options?: NotifyOptions,
  ): Promise<Notification>;
  /** Sends a notification that is made already, as it is. Rejects as `notify` does. */
  forward(notification: Notification, context?: NotificationContext): Promise<Notification>;
  /** Pure. Another notifier over the same drivers, for another publisher. */
  prepare(changes: Pick<NotifierOptions, 'publisherId'>): Notifier;
  /** Closes the drivers. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Pure. Makes a notifier; drivers connect with their first notification. Throws RefusedError
 * NOTIFICATION_INVALID for a publisher without a name.
 *
 * @example
 * const notify = notifier({ publisherId: 'compute.host1', drivers: [messagingDriver({ url })] });
 * await notify.info('instance.create.end', { uuid });
 */
export function notifier(options: NotifierOptions): Notifier {
  checkOptions(notifierSchema, options);
  const { publisherId, drivers } = options;
  return makeNotifier(publisherId, drivers.map(driverOf));
}

function driverOf(driver: NotificationDriver | PlainDriverName): NotificationDriver {
  if (typeof driver === 'object') return driver;
  if (driver === 'noop') return noopDriver();
  if (driver === 'log') return logDriver();
  throw invalid('drivers', `has '${String(driver)}', which is neither noop, log nor a driver`);
}

function makeNotifier(publisherId: string, drivers: readonly NotificationDriver[]): Notifier {
  assertText('publisherId', publisherId);
  const forward: Notifier['forward'] = async (notification, context = {}) => {
    await deliver(drivers, notification, context);
    return notification;
  };
  const notify: Notifier['notify'] = async (given, eventType, payload, options = {}) => {
    checkCall(notifySchema, options);
    const { context = {}, messageId = uuidv7() } = options;
    const priority = priorityOf(given);
    if (priority === undefined) {
      const names = notificationPriorities.join(', ');
      throw invalid('priority', `is '${String(given)}', not one of ${names}`);
    }
    assertText('eventType', eventType);
    assertText('messageId', messageId);
    assertPlainJson(payload, 'payload');
    assertPlainJson(context, 'context');
    const notification: Notification = {
      message_id: messageId,
      publisher_id: publisherId,
      event_type: eventType,
      priority: priorityName(priority),
      payload,
      timestamp: notificationTime(new Date()),
    };
    return forward(notification, context);
  };
  const close = async (): Promise<void> => {
    await Promise.all(drivers.map(async (driver) => driver.close?.()));
  };
  const methods = Object.fromEntries(
    notificationPriorities.map((priority): [NotificationPriority, Notify] => [
      priority,
      (eventType, payload, options) => notify(priority, eventType, payload, options),
    ]),
  ) as Record<NotificationPriority, Notify>;
  return {
    ...methods,
    publisherId,
    enabled: drivers.some(({ name }) => name !== 'noop'),
    notify,
    forward,
    prepare: (changes) => makeNotifier(changes.publisherId, drivers),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** To all at once; what one throws keeps no other from hearing. */
async function deliver(
  drivers: readonly NotificationDriver[],
  notification: Notification,
  context: NotificationContext,
): Promise<void> {
  const outcomes = await Promise.allSettled(
    drivers.map(async (driver) => driver.notify(notification, context)),
  );
  const failures = outcomes.flatMap((outcome, index) =>
    outcome.status === 'rejected'
      ? [{ name: drivers[index]?.name ?? '', error: outcome.reason as unknown }]
      : [],
  );
  if (failures.length === 0) return;
  const { message_id: id, event_type: type } = notification;
  const told = failures.map(({ name, error }) => `${name} (${messageOf(error)})`).join(', ');
  throw new UnavailableError(
    'NOTIFICATION_NOT_DELIVERED',
    `The notification ${id} (${type}) did not get through by ${told}. Send it again under the same messageId, or let it go.`,
    {
      parameters: { id, type, drivers: failures.map(({ name }) => name) },
      cause: new AggregateError(failures.map(({ error }) => error)),
    },
  );
}

function assertText(property: string, value: unknown): void {
  if (typeof value === 'string' && value !== '') return;
  throw invalid(property, 'is a text, and not empty');
}

function invalid(property: string, problem: string): RefusedError {
  return RefusedError.of('NOTIFICATION_INVALID', `No notification: ${property} ${problem}.`, {
    property,
  });
}
