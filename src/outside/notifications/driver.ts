import type {
  Notification,
  NotificationContext,
} from '../../delivery/formats/oslo/notification.js';

/** Takes notifications somewhere. */
export interface NotificationDriver {
  /** How errors call it, and routing files. */
  readonly name: string;
  /**
   * Resolves when whoever it talks to has the notification. What it rejects with is reported by the
   * notifier, and keeps no other driver from trying.
   */
  notify(notification: Notification, context: NotificationContext): void | Promise<void>;
  /** Waits for what is under way and disconnects. Safe to call twice. */
  close?(): Promise<void>;
}

/** The drivers that need no options, and go by their names. */
export type PlainDriverName = 'noop' | 'log';
