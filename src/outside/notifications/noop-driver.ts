import type { NotificationDriver } from './driver.js';

/** Pure. Tells nobody. A notifier that has no other driver is not `enabled`. */
export function noopDriver(): NotificationDriver {
  return { name: 'noop', notify: () => undefined };
}
