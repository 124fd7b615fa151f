import type { Category } from './category.js';
import { dataSchema } from './data-schema.js';
import type { EventAttributes, EventOfCategory } from './event.js';

/** Input of an event. Every key that is undefined is left out of the event. */
export type EventInput<C extends Category> = Pick<
  EventAttributes,
  | 'id'
  | 'source'
  | 'time'
  | 'traceparent'
  | 'actor'
  | 'correlationid'
  | 'causationid'
  | 'account'
  | 'domain'
  | 'project'
  | 'revision'
> & {
  readonly category: C;
  readonly type: EventOfCategory<C>['type'];
  /** The resource type, such as `VirtualMachine`; absent when the event concerns no resource. */
  readonly resource?: string;
  /** The resource's uuid: becomes the partition key. */
  readonly uuid?: string;
  readonly data: EventOfCategory<C>['data'];
};

/**
 * Pure: neither clock nor randomness, so `id` and `time` are given. The keys of the result always come
 * in the same order, so that equal events have equal JSON text. Checks nothing: see `validateEvent`.
 */
export function createEvent<C extends Category>(input: EventInput<C>): EventOfCategory<C> {
  const { uuid } = input;
  const event: Record<string, unknown> = {
    specversion: '1.0',
    id: input.id,
    source: input.source,
    type: input.type,
  };
  const subject = eventSubject(input.resource, uuid);
  if (subject !== undefined) event['subject'] = subject;
  event['time'] = input.time;
  event['datacontenttype'] = 'application/json';
  event['dataschema'] = dataSchema(input.category);
  if (uuid !== undefined) event['partitionkey'] = uuid;
  if (input.traceparent !== undefined) event['traceparent'] = input.traceparent;
  event['category'] = input.category;
  for (const name of optionalAttributes) {
    const value = input[name];
    if (value !== undefined) event[name] = value;
  }
  event['data'] = input.data;
  return event as unknown as EventOfCategory<C>;
}

const optionalAttributes = [
  'actor',
  'correlationid',
  'causationid',
  'account',
  'domain',
  'project',
  'revision',
] as const;

/** Pure. The CloudEvents subject: `VirtualMachine/<uuid>`, `VirtualMachine`, or undefined. */
export function eventSubject(resource?: string, uuid?: string): string | undefined {
  if (resource === undefined || resource === '') return undefined;
  return uuid === undefined || uuid === '' ? resource : `${resource}/${uuid}`;
}

/** Pure. The resource type and uuid that a subject names. */
export function parseSubject(subject: string | undefined): {
  readonly resource?: string;
  readonly uuid?: string;
} {
  if (subject === undefined) return {};
  const slash = subject.indexOf('/');
  if (slash === -1) return { resource: subject };
  return { resource: subject.slice(0, slash), uuid: subject.slice(slash + 1) };
}
