import type { JsonValue } from '../../core/json/json.js';
import type { Notification } from '../../delivery/formats/oslo/notification.js';
import type { NotificationDriver } from './driver.js';

/** Where lines go, by level; `console` is one. */
export interface NotificationLogger {
  debug(line: string): void;
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
}

/** Audits and samples are no worse than information. */
const levels = {
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
  CRITICAL: 'error',
  AUDIT: 'info',
  SAMPLE: 'info',
} as const satisfies Record<Notification['priority'], keyof NotificationLogger>;

/**
 * Writes each notification as one line: `oslo.messaging.notification.<event_type>` and its JSON. The
 * values of keys that look like secrets (`admin_password`, `auth_token`) are written as `***`.
 *
 * @param logger default the console
 */
export function logDriver(logger: NotificationLogger = console): NotificationDriver {
  return {
    name: 'log',
    notify(notification) {
      const text = JSON.stringify(masked({ ...notification }));
      logger[levels[notification.priority]](
        `oslo.messaging.notification.${printable(notification.event_type)} ${text}`,
      );
    },
  };
}

const secret = /pass(word|wd|phrase)|secret|token|credential|authorization|private_?key/i;

function masked(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(masked);
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, secret.test(key) ? '***' : masked(each)]),
  );
}

/** An event type of anybody's must not begin a line of its own. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, '?');
}
