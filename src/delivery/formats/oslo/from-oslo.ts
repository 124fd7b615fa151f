import { createEvent, type EventInput } from '../../../core/events/create-event.js';
import type { Category } from '../../../core/events/category.js';
import type { SignalboxEvent } from '../../../core/events/event.js';
import type { JsonObject, JsonValue } from '../../../core/json/json.js';
import { derivedId } from '../derived-id.js';
import { eventInvalid } from '../event-invalid.js';
import { isObject, own } from './envelope.js';
import type { ReceivedNotification } from './notification.js';
import { resourceOf } from './resources.js';

/** How notifications of an OpenStack become events. */
export interface FromOsloOptions {
  /** Your resource types by what OpenStack calls them; default `instance` is `VirtualMachine`. */
  readonly resources?: Readonly<Record<string, string>>;
  /** When it was received, UTC in ISO 8601: the time of a notification that tells none. */
  readonly receivedAt?: string;
}

const what = 'notification that could be an event';

/**
 * Pure. A notification as the event it tells of, legacy or versioned, of any OpenStack service. Old and
 * new state make a ResourceStateEvent, `.start`, `.end` and `.error` an ActionEvent, `.exists` and
 * samples a UsageEvent, warnings and errors without a phase an AlertEvent, all else a completed
 * ActionEvent. The payload is kept whole, in `data.details`.
 *
 * Several services report one transition: a state change whose old and new state are equal has
 * `changed: false`. An id is made of the content where there is none. Throws RefusedError EVENT_INVALID
 * for a notification without event type, or without a time.
 *
 * @example
 * await bus.joinConsumerPool(
 *   { pool: 'inventory', topic: 'notifications.*', exchange: osloExchange('nova'), decode: readNotification },
 *   (notification) => handle(fromOslo(notification as ReceivedNotification)),
 * );
 */
export function fromOslo(
  notification: ReceivedNotification,
  options: FromOsloOptions = {},
): SignalboxEvent {
  if (notification.cloudevent !== undefined) return published(notification);
  const { event_type: eventType, publisher_id: source = 'openstack', context } = notification;
  if (eventType === undefined) throw eventInvalid(what, 'event_type', 'is missing');
  const facts = factsOf(notification.payload);
  const { object, action, phase } = partsOf(eventType);
  const text = (name: string, from: JsonObject = facts): string | undefined =>
    textOf(own(from, name));
  const input = {
    id: notification.message_id ?? derivedId(eventType, bytesOf(notification)),
    source,
    time: timeOf(notification.timestamp, options.receivedAt),
    resource: resourceOf(object, options.resources),
    uuid: uuidOf(object, facts),
    actor: text('user_id') ?? text('user_id', context) ?? text('user', context),
    project:
      text('tenant_id') ??
      text('project_id') ??
      text('project_id', context) ??
      text('tenant', context),
    correlationid: text('request_id', context) ?? text('global_request_id', context),
    ...contentOf(notification, eventType, { facts, action, phase }),
  };
  // What is undefined is left out.
  return createEvent(input as EventInput<Category>);
}

/** Reads an event that Signalbox published in this format, by its own attributes. */
function published({ cloudevent, payload }: ReceivedNotification): SignalboxEvent {
  const data = isObject(payload) ? own(payload, 'data') : undefined;
  return { ...cloudevent, data } as unknown as SignalboxEvent;
}

const phases = {
  start: 'Started',
  progress: 'Started',
  end: 'Completed',
  error: 'Failed',
} as const;
type Phase = keyof typeof phases;

interface Parts {
  readonly object: string;
  readonly action: string;
  readonly phase: Phase | undefined;
}

/** Legacy types begin with the service: `compute.instance.update`. */
const services = new Set(['compute', 'orchestration', 'identity', 'dns', 'baremetal']);

function partsOf(eventType: string): Parts {
  const words = eventType.split('.');
  if (words.length > 2 && services.has(words[0] ?? '')) words.shift();
  const last = words.at(-1) ?? '';
  const phase = words.length > 2 && Object.hasOwn(phases, last) ? (last as Phase) : undefined;
  if (phase !== undefined) words.pop();
  return { object: words[0] ?? '', action: words.slice(1).join('.'), phase };
}

function contentOf(
  { priority, payload }: ReceivedNotification,
  eventType: string,
  { facts, action, phase }: Pick<Parts, 'action' | 'phase'> & { readonly facts: JsonObject },
): Pick<EventInput<Category>, 'category' | 'type'> & { readonly data: JsonObject } {
  const details = isObject(payload) ? payload : { payload };
  const states = phase === undefined ? statesOf(facts) : undefined;
  if (states !== undefined) {
    const changed = states.old !== states.new;
    const data = { event: eventType, ...states, lifecycleVersion: 1, changed, details };
    return { category: 'ResourceStateEvent', type: eventType, data };
  }
  if (action === 'exists' || priority === 'SAMPLE') {
    return { category: 'UsageEvent', type: eventType, data: { details } };
  }
  if (phase === undefined && alarming.has(priority)) {
    return { category: 'AlertEvent', type: eventType, data: { subject: eventType, details } };
  }
  const type = phase === undefined ? eventType : eventType.slice(0, -phase.length - 1);
  const status = phase === undefined ? 'Completed' : phases[phase];
  const outcome = { status, ...(status === 'Failed' ? { error: errorOf(facts, eventType) } : {}) };
  return { category: 'ActionEvent', type, data: { ...outcome, details } as JsonObject };
}

const alarming: ReadonlySet<string> = new Set(['WARN', 'ERROR', 'CRITICAL']);

/** The payload, taken out of the object of oslo.versionedobjects that it may be. */
function factsOf(payload: JsonValue | undefined): JsonObject {
  if (!isObject(payload)) return {};
  const data = own(payload, 'nova_object.data');
  return isObject(data) ? data : payload;
}

function statesOf(
  facts: JsonObject,
): { readonly old: string | null; readonly new: string | null } | undefined {
  const versioned = factsOf(own(facts, 'state_update'));
  const from = Object.hasOwn(versioned, 'old_state') ? versioned : facts;
  const before = own(from, 'old_state');
  const after = own(from, 'state');
  // One of them may be null, of a resource that has no state yet; both tell nothing.
  if (!isState(before) || !isState(after) || (before === after && before === null))
    return undefined;
  return { old: before, new: after };
}

function isState(value: JsonValue | undefined): value is string | null {
  return value === null || typeof value === 'string';
}

/** Every service calls it otherwise; some put the resource into an object of its name. */
function uuidOf(object: string, facts: JsonObject): string | undefined {
  const nested = factsOf(own(facts, object));
  const named = [own(facts, `${object}_id`), own(facts, `${object}_uuid`), own(facts, 'uuid')];
  const others = [own(facts, 'resource_id'), own(facts, 'id'), own(nested, 'id')];
  return [...named, ...others].map(textOf).find((value) => value !== undefined);
}

/** A fault as Nova tells it, or what older payloads say. */
function errorOf(facts: JsonObject, eventType: string): JsonObject {
  const fault = factsOf(own(facts, 'fault'));
  const name = textOf(own(fault, 'exception')) ?? textOf(own(facts, 'exception')) ?? 'Error';
  const message = textOf(own(fault, 'exception_message')) ?? textOf(own(facts, 'message'));
  return { name, message: message ?? eventType };
}

/** Python writes UTC without a zone, which JavaScript would take for local time. */
function timeOf(timestamp: string | undefined, receivedAt: string | undefined): string {
  if (timestamp === undefined && receivedAt !== undefined) return receivedAt;
  const parts = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d:\d\d)?$/.exec(
    timestamp ?? '',
  );
  const time = parts === null ? '' : `${parts[1]}T${parts[2]}${parts[3] ?? 'Z'}`;
  if (Number.isNaN(Date.parse(time))) {
    throw eventInvalid(
      what,
      'timestamp',
      timestamp === undefined ? 'is missing' : `is ${timestamp}`,
    );
  }
  return time;
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function bytesOf(notification: ReceivedNotification): Uint8Array {
  return Buffer.from(JSON.stringify(notification));
}
