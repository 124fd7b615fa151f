import type {
  Notification,
  NotificationContext,
} from '../../delivery/formats/oslo/notification.js';
import type { NotificationDriver } from './driver.js';

/** A recorded call of a test driver. */
export interface Recorded {
  readonly notification: Notification;
  readonly context: NotificationContext;
}

/** A driver that keeps notifications for tests to look at. */
export interface TestDriver extends NotificationDriver {
  /** In the order of the calls. */
  readonly notifications: readonly Recorded[];
  /** Forgets them. */
  clear(): void;
}

/**
 * Keeps notifications in memory, as data. Connects to nothing.
 *
 * @example
 * const test = testDriver();
 * await notifier({ publisherId: 'compute.host1', drivers: [test] }).info('instance.lock', { uuid });
 * test.notifications[0]?.notification.event_type; // 'instance.lock'
 */
export function testDriver(): TestDriver {
  const notifications: Recorded[] = [];
  return {
    name: 'test',
    notifications,
    notify: (notification, context) => void notifications.push({ notification, context }),
    clear: () => {
      notifications.length = 0;
    },
  };
}
