import { parseSubject } from '../../../core/events/create-event.js';
import type { SignalboxEvent } from '../../../core/events/event.js';
import type { JsonObject } from '../../../core/json/json.js';
import { instantOf } from '../event-time.js';
import {
  notificationTime,
  priorityName,
  type Notification,
  type NotificationContext,
  type NotificationPriority,
} from './notification.js';
import { objectOf, snakeCase } from './resources.js';

/** How events become notifications. */
export interface NotificationMapping {
  /** Publisher; default the event's `source`. */
  readonly publisherId?: string;
  /**
   * Naming of state changes. `event` (default): after what happened, `instance.start_requested`. `update`:
   * always `instance.update`, as Nova does when told to `notify_on_state_change`; for consumers that keep
   * a copy of the state.
   */
  readonly stateChanges?: 'event' | 'update';
  /** Names of your resource types; default `VirtualMachine` is `instance`, others in snake case. */
  readonly resources?: Readonly<Record<string, string>>;
  /** Default `error` for what failed, `warn` for alerts, `info` for all else. */
  readonly priority?: (event: SignalboxEvent) => NotificationPriority;
}

/** A notification with the request it is part of. */
export interface MappedNotification {
  readonly notification: Notification;
  readonly priority: NotificationPriority;
  readonly context: NotificationContext;
}

/**
 * Pure. The notification that tells of an event. Its `message_id` is the event's id; `payload` has the
 * resource's uuid, its `state` and `old_state`, and the event's data whole. Throws RefusedError
 * EVENT_INVALID for a time that no calendar has.
 */
export function toNotification(
  event: SignalboxEvent,
  mapping: NotificationMapping = {},
): MappedNotification {
  const priority = (mapping.priority ?? defaultPriority)(event);
  return {
    priority,
    context: contextOf(event),
    notification: {
      message_id: event.id,
      publisher_id: mapping.publisherId ?? event.source,
      event_type: eventTypeOf(event, mapping),
      priority: priorityName(priority),
      payload: payloadOf(event, mapping),
      timestamp: notificationTime(instantOf(event.time)),
    },
  };
}

function defaultPriority({ category, data }: SignalboxEvent): NotificationPriority {
  if (category === 'AlertEvent') return 'warn';
  if (category === 'ActionEvent' && data.status === 'Failed') return 'error';
  return category === 'AsyncJobEvent' && data.status === 'FAILED' ? 'error' : 'info';
}

const phases = { Started: 'start', Completed: 'end', Failed: 'error' } as const;

function eventTypeOf(
  event: SignalboxEvent,
  { stateChanges, resources }: NotificationMapping,
): string {
  const { category, type, data } = event;
  switch (category) {
    case 'ResourceStateEvent': {
      const object = objectOf(parseSubject(event.subject).resource ?? 'resource', resources);
      return `${object}.${stateChanges === 'update' ? 'update' : snakeCase(type)}`;
    }
    case 'ActionEvent':
      return `${type.toLowerCase()}.${phases[data.status]}`;
    case 'AsyncJobEvent':
      return `job.${type}`;
    case 'UsageEvent':
    case 'AlertEvent':
      return type.toLowerCase();
  }
}

function payloadOf(event: SignalboxEvent, { resources }: NotificationMapping): JsonObject {
  const { category, type, project, actor, data } = event;
  const { resource, uuid } = parseSubject(event.subject);
  return {
    category,
    type,
    ...(resource === undefined ? {} : { resource_type: resource }),
    ...(uuid === undefined || resource === undefined
      ? {}
      : { uuid, [`${objectOf(resource, resources)}_id`]: uuid }),
    ...(project === undefined ? {} : { tenant_id: project }),
    ...(actor === undefined ? {} : { user_id: actor }),
    // At the top, because filters of oslo.messaging see no deeper.
    ...(category === 'ResourceStateEvent' ? { old_state: data.old, state: data.new } : {}),
    data: data as JsonObject,
  };
}

function contextOf({ correlationid, actor, project }: SignalboxEvent): NotificationContext {
  return {
    ...(correlationid === undefined ? {} : { request_id: correlationid }),
    ...(actor === undefined ? {} : { user_id: actor }),
    ...(project === undefined ? {} : { project_id: project }),
  };
}
