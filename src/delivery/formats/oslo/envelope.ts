import { inflateSync } from 'node:zlib';
import { clipped, clippedValue } from '../../../core/errors/clipped.js';
import type { JsonObject, JsonValue } from '../../../core/json/json.js';
import { eventInvalid, parseBody } from '../event-invalid.js';
import type { ReceivedEvent } from '../format.js';
import {
  notificationPriorities,
  priorityName,
  priorityOf,
  type Notification,
  type NotificationContext,
  type NotificationPriority,
  type ReceivedNotification,
} from './notification.js';

/** The only content type that oslo.messaging reads, to the letter; all else it drops. */
export const osloContentType = 'application/json';

/** Bytes that a compressed body may inflate to, unless a subscription takes more or less. */
const defaultMaxInflated = 2 * 1024 * 1024;
/** A body that inflates to more than this times its size was made to cost what reads it. */
const largestRatio = 100;
/** Bytes that a small body may inflate to whatever the ratio. */
const leastRatioBytes = 64 * 1024;

const what = 'notification of oslo.messaging';
const versionKey = 'oslo.version';
const messageKey = 'oslo.message';
const contextPrefix = '_context_';

/**
 * Pure. The body of a notification in the envelope of messagingv2. It has no `_unique_id`: a listener
 * that sees one twice keeps the second message for ever, and what is sent again has the same bytes.
 *
 * @param extra more keys of the inner message, which listeners pass over
 */
export function writeEnvelope(
  notification: Notification,
  context: NotificationContext = {},
  extra: JsonObject = {},
): Buffer {
  const inner: Record<string, JsonValue> = { ...notification, ...extra };
  for (const [name, value] of Object.entries(context)) inner[`${contextPrefix}${name}`] = value;
  return Buffer.from(JSON.stringify({ [versionKey]: '2.0', [messageKey]: JSON.stringify(inner) }));
}

/** Pure. The routing key of a topic and priority, which names their queue too: `notifications.info`. */
export function notificationKey(topic: string, priority: NotificationPriority): string {
  return `${topic}.${priority}`;
}

/**
 * Pure. The notification of a message, in the envelope of messagingv2 or without one (driver
 * `messaging`). Takes what oslo.messaging takes, and throws RefusedError EVENT_INVALID with the reason
 * for what it would drop or pass over: another content type or envelope, no priority that is known; and
 * for numbers that would be rounded and `NaN`, which Python reads and JavaScript does not.
 */
export function readEnvelope(
  message: Pick<ReceivedEvent, 'contentType' | 'headers' | 'body' | 'maxIncoming'>,
): ReceivedNotification {
  const { contentType } = message;
  if (contentType !== osloContentType) {
    throw invalid('contentType', `is ${contentType || 'absent'}, not ${osloContentType}`);
  }
  const inner = innerMessage(parseBody(plainBody(message), what));
  const priority = priorityOf(inner['priority']);
  if (priority === undefined) {
    const found = Object.hasOwn(inner, 'priority')
      ? clipped(JSON.stringify(inner['priority']))
      : 'missing';
    throw invalid('priority', `is ${found}, not one of ${notificationPriorities.join(', ')}`);
  }
  return { ...textFields(inner), ...objectFields(inner), priority: priorityName(priority) };
}

/** Header `compression` names gzip, and the bytes are zlib's: that is what kombu writes and reads. */
function plainBody({
  headers,
  body,
  maxIncoming = defaultMaxInflated,
}: Pick<ReceivedEvent, 'headers' | 'body' | 'maxIncoming'>): Uint8Array {
  const { compression } = headers;
  if (compression === undefined) return body;
  if (compression !== 'application/x-gzip') {
    throw invalid('compression', `is ${clippedValue(compression)}, which is not known`);
  }
  try {
    const mostByRatio = Math.max(leastRatioBytes, body.byteLength * largestRatio);
    return inflateSync(body, { maxOutputLength: Math.min(maxIncoming, mostByRatio) });
  } catch {
    throw invalid(
      'body',
      `is no zlib stream, or inflates to more than ${maxIncoming} bytes (maxIncoming) or ${largestRatio} times its size`,
    );
  }
}

function innerMessage(body: JsonValue): JsonObject {
  if (!isObject(body)) throw invalid('body', 'is no object');
  if (!Object.hasOwn(body, versionKey) || !Object.hasOwn(body, messageKey)) return body;
  const { [versionKey]: version, [messageKey]: text } = body;
  if (version !== '2.0')
    throw invalid(versionKey, `is ${clipped(JSON.stringify(version))}, not "2.0"`);
  if (typeof text !== 'string') throw invalid(messageKey, 'is no text');
  const inner = parseBody(text, what);
  if (!isObject(inner)) throw invalid(messageKey, 'is no object');
  return inner;
}

const textNames = ['message_id', 'publisher_id', 'event_type', 'timestamp'] as const;

/** A field that is empty or no text is as good as none: nobody can route or deduplicate by it. */
function textFields(inner: JsonObject): Pick<ReceivedNotification, (typeof textNames)[number]> {
  const told: Partial<Record<(typeof textNames)[number], string>> = {};
  for (const name of textNames) {
    const value = own(inner, name);
    if (typeof value === 'string' && value !== '') told[name] = value;
  }
  return told;
}

function objectFields(
  inner: JsonObject,
): Pick<ReceivedNotification, 'payload' | 'context' | 'cloudevent'> {
  const context = Object.entries(inner).flatMap(([name, value]) =>
    name.startsWith(contextPrefix) ? [[name.slice(contextPrefix.length), value] as const] : [],
  );
  const cloudevent = own(inner, 'cloudevent');
  return {
    payload: own(inner, 'payload') ?? null,
    context: Object.fromEntries(context),
    ...(isObject(cloudevent) ? { cloudevent } : {}),
  };
}

/** Pure. Whether a JSON value is an object, and no list. */
export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Pure. What an object of JSON holds under a name, and never what it inherits. */
export function own(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function invalid(property: string, problem: string): Error {
  return eventInvalid(what, property, problem);
}
