import type { Category } from '../../../core/events/category.js';
import { categories } from '../../../core/events/category.js';
import { createEvent, type EventInput } from '../../../core/events/create-event.js';
import type { SignalboxEvent } from '../../../core/events/event.js';
import { routingWord } from '../../../core/events/routing-key.js';
import type { JsonObject, JsonValue } from '../../../core/json/json.js';
import { derivedId } from '../derived-id.js';
import { eventInvalid, parseBody } from '../event-invalid.js';
import type { ReceivedEvent } from '../format.js';
import { parseCloudStackKey, resourceOfClass, type CloudStackWords } from './key.js';
import { outcomes } from './write-body.js';

const what = 'event of CloudStack';

/**
 * Pure. The event that a message of CloudStack's, or one that `cloudStack` wrote, tells of. Throws
 * RefusedError EVENT_INVALID, with the reason, for what is none.
 */
export function readCloudStack(message: ReceivedEvent): SignalboxEvent {
  const body = parseBody(message.body, what);
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw eventInvalid(what, 'body', 'is no object');
  }
  const words = parseCloudStackKey(message.key);
  const fields = new Fields(body as JsonObject);
  const category = categoryOf(words, fields);
  const { resource, uuid, ...own } = readers[category](fields, words);
  const input = {
    id: message.id || derivedId(message.key, message.body),
    source: words?.source ?? 'management-server',
    time: timeOf(fields, message),
    category,
    resource: resource ?? words?.resource,
    uuid: uuid ?? words?.uuid,
    account: fields.text('account'),
    ...own,
  };
  // What is undefined is left out, and what is wrong is found by the check of the whole event.
  return createEvent(input as EventInput<Category>);
}

/** The fields of a body, every one of which may be anything. */
class Fields {
  readonly #body: JsonObject;

  constructor(body: JsonObject) {
    this.#body = body;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#body, name);
  }

  value(name: string): JsonValue | undefined {
    return this.has(name) ? this.#body[name] : undefined;
  }

  /** Undefined for what is absent, empty or no text. */
  text(name: string): string | undefined {
    const value = this.value(name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  }
}

function categoryOf(words: CloudStackWords | undefined, fields: Fields): Category {
  const named = categories.find((each) => each === words?.category);
  if (named !== undefined) return named;
  // Kafka has no routing key of CloudStack's: there only the shape tells.
  if (words === undefined) {
    if (fields.has('jobId')) return 'AsyncJobEvent';
    if (fields.has('entityuuid') || fields.has('description')) return 'ActionEvent';
    if (fields.has('old-state') || fields.has('new-state')) return 'ResourceStateEvent';
    if (fields.has('subject')) return 'AlertEvent';
    if (fields.has('event') && fields.has('id')) return 'UsageEvent';
  }
  throw eventInvalid(what, 'key', 'names no category, and the body has the shape of none');
}

/** Fields of a category's body besides account and time. */
interface Read {
  readonly type: string;
  readonly resource?: string | undefined;
  readonly uuid?: string | undefined;
  readonly data: JsonObject;
  readonly actor?: string | undefined;
  readonly project?: string | undefined;
}

type Reader = (fields: Fields, words: CloudStackWords | undefined) => Read;

const readers: Readonly<Record<Category, Reader>> = {
  ResourceStateEvent(fields, words) {
    const old = fields.text('old-state') ?? null;
    // Announced before the database was written, and perhaps never written: nothing has changed yet.
    const pending = fields.text('status') === 'preStateTransitionEvent';
    const next = pending ? old : (fields.text('new-state') ?? null);
    // The name of the event is in the routing key only.
    const type = words?.type ?? 'Unknown';
    const data = { event: type, old, new: next, lifecycleVersion: 1, changed: old !== next };
    return { type, resource: fields.text('resource'), uuid: fields.text('id'), data };
  },

  ActionEvent(fields, words) {
    const type = typeOf(fields.text('event'), words);
    const told = fields.text('description') ?? type;
    const ended = fields.text('status') === 'Completed';
    const failed = ended && told.startsWith(outcomes.Failed);
    const prefix = failed ? outcomes.Failed : outcomes.Completed;
    const description = ended && told.startsWith(prefix) ? told.slice(prefix.length) : told;
    return {
      type,
      resource: fields.text('entity'),
      uuid: fields.text('entityuuid'),
      actor: fields.text('user'),
      project: fields.text('project'),
      data: {
        status: failed ? 'Failed' : ended ? 'Completed' : 'Started',
        ...(description === type || description === '' ? {} : { description }),
      },
    };
  },

  UsageEvent(fields, words) {
    const type = typeOf(fields.text('event'), words);
    const named = fields.text('resource');
    // A fault of CloudStack's: the state of a new network stands where its class should.
    const misnamed = type === 'NETWORK.CREATE' && named === 'Allocated';
    return {
      type,
      resource: named === undefined ? undefined : misnamed ? 'Network' : resourceOfClass(named),
      uuid: fields.text('id'),
      data: details(fields, 'zone'),
    };
  },

  AlertEvent(fields, words) {
    const type = typeOf(fields.text('event'), words);
    const body = fields.text('body');
    return {
      type,
      data: {
        subject: fields.text('subject') ?? type,
        ...(body === undefined ? {} : { body }),
        ...details(fields, 'dataCenterId', 'podId'),
      },
    };
  },

  AsyncJobEvent(fields, words) {
    const jobId = fields.text('jobId');
    const status = statuses.find((each) => each === fields.text('status'));
    if (jobId === undefined) throw eventInvalid(what, 'jobId', 'is missing');
    if (status === undefined) throw eventInvalid(what, 'status', 'is none of a job');
    return {
      type: jobTypes.find((each) => each === words?.type) ?? jobTypeOf(status),
      resource: fields.text('instanceType'),
      uuid: fields.text('instanceUuid'),
      actor: fields.text('user'),
      data: {
        jobId,
        command: fields.text('commandEventType') ?? fields.text('command') ?? 'UNKNOWN',
        status,
        ...progressOf(fields),
        ...resultOf(fields, status),
      },
    };
  },
};

const jobTypes = ['submit', 'update', 'complete'] as const;
const statuses = ['IN_PROGRESS', 'SUCCEEDED', 'FAILED'] as const;

function jobTypeOf(status: (typeof statuses)[number]): (typeof jobTypes)[number] {
  return status === 'IN_PROGRESS' ? 'update' : 'complete';
}

function progressOf(fields: Fields): JsonObject {
  const progress = Number(fields.text('processStatus') ?? 0);
  return progress > 0 && progress <= 100 ? { progress } : {};
}

function resultOf(fields: Fields, status: (typeof statuses)[number]): JsonObject {
  const given = fields.value('jobResult');
  const result = typeof given === 'object' && given !== null && !Array.isArray(given) ? given : {};
  if (status === 'FAILED') {
    const message = new Fields(result as JsonObject).text('errortext') ?? '';
    return { error: { name: 'JobFailed', message } };
  }
  return Object.keys(result).length === 0 ? {} : { result };
}

/** With its dots, which the key has not. */
function typeOf(told: string | undefined, words: CloudStackWords | undefined): string {
  const type = words?.type;
  if (told !== undefined && (type === undefined || routingWord(told) === type)) return told;
  if (type !== undefined) return type;
  throw eventInvalid(what, 'event', 'is missing');
}

function timeOf(fields: Fields, { receivedAt }: ReceivedEvent): string {
  const told = fields.text('eventDateTime');
  const parts = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) ([+-]\d\d)(\d\d)$/.exec(told ?? '');
  if (parts !== null) {
    const [, date, clock, hours, minutes] = parts;
    const instant = new Date(`${date}T${clock}${hours}:${minutes}`);
    if (!Number.isNaN(instant.getTime())) return instant.toISOString();
  }
  if (told === undefined && receivedAt !== undefined) return receivedAt;
  throw eventInvalid(what, 'eventDateTime', told === undefined ? 'is missing' : `is ${told}`);
}

/** The named fields that are there, as the details of an event. */
function details(fields: Fields, ...names: readonly string[]): JsonObject {
  const told = names.flatMap((name) => {
    const value = fields.text(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return told.length === 0 ? {} : { details: Object.fromEntries(told) };
}
