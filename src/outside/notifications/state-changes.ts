import type { ResourceStateEvent } from '../../core/events/event.js';
import {
  toNotification,
  type NotificationMapping,
} from '../../delivery/formats/oslo/to-notification.js';
import type { Notifier } from './notifier.js';

/**
 * A handler for state changes that tells each by a notification like Nova's `instance.update`, with
 * `old_state` and `state`. Its `message_id` is the event's id, so that what comes twice is known.
 *
 * @example
 * await signalbox.subscribe(
 *   { category: 'ResourceStateEvent' },
 *   notifyStateChanges(notify),
 *   { pool: 'notifications' },
 * );
 */
export function notifyStateChanges(
  notifier: Notifier,
  mapping: Omit<NotificationMapping, 'publisherId'> = {},
): (event: ResourceStateEvent) => Promise<void> {
  return async (event) => {
    const { notification, context } = toNotification(event, {
      stateChanges: 'update',
      ...mapping,
      publisherId: notifier.publisherId,
    });
    await notifier.forward(notification, context);
  };
}
