import { parseSubject } from '../../../core/events/create-event.js';
import type {
  ActionEvent,
  AlertEvent,
  AsyncJobEvent,
  ResourceStateEvent,
  SignalboxEvent,
  UsageEvent,
} from '../../../core/events/event.js';
import type { JsonObject, JsonValue } from '../../../core/json/json.js';
import { instantOf } from '../event-time.js';
import { usageResource } from './key.js';

/** A body of CloudStack's; what is undefined is left out, as Gson leaves out nulls. */
type Body = Readonly<Record<string, JsonValue | undefined>>;

/** Before the description of an action, by its outcome: all that tells a failure from a success. */
export const outcomes = { Completed: 'Successfully completed ', Failed: 'Error while ' } as const;

/**
 * Pure. The JSON text that CloudStack 4.22 writes for such an event: keys in its order, every value
 * text, characters that HTML knows escaped as Gson does. Throws RefusedError EVENT_INVALID for a time
 * that no calendar has.
 */
export function cloudStackBody(event: SignalboxEvent): string {
  const text = JSON.stringify(bodyOf(event));
  return text.replaceAll(
    /[<>&='\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function bodyOf(event: SignalboxEvent): Body {
  switch (event.category) {
    case 'ResourceStateEvent':
      return stateBody(event);
    case 'ActionEvent':
      return actionBody(event);
    case 'UsageEvent':
      return usageBody(event);
    case 'AlertEvent':
      return alertBody(event);
    case 'AsyncJobEvent':
      return jobBody(event);
  }
}

function stateBody({ time, subject, data }: ResourceStateEvent): Body {
  const { resource, uuid } = parseSubject(subject);
  return {
    eventDateTime: dateTime(time),
    'old-state': data.old ?? undefined,
    resource,
    id: uuid,
    'new-state': data.new ?? undefined,
    // CloudStack tells it of virtual machines only. It is committed when it is published.
    status: resource === 'VirtualMachine' ? 'postStateTransitionEvent' : undefined,
  };
}

function actionBody({ time, type, subject, actor, account, project, data }: ActionEvent): Body {
  const { resource, uuid } = parseSubject(subject);
  const { status, description = type } = data;
  const body: Body = {
    eventDateTime: dateTime(time),
    entityuuid: uuid,
    description: status === 'Started' ? description : `${outcomes[status]}${description}`,
    event: type,
    user: actor,
    account,
    entity: resource,
    status: status === 'Started' ? 'Started' : 'Completed',
    project,
  };
  // One key for each entity of the call. Ours has one, unless its name is taken.
  if (resource === undefined || Object.hasOwn(body, resource)) return body;
  return { ...body, [resource]: uuid };
}

function usageBody({ time, type, subject, account, data }: UsageEvent): Body {
  const { resource, uuid } = parseSubject(subject);
  return {
    eventDateTime: dateTime(time),
    zone: textOf(data.details, 'zone'),
    resource: usageResource(resource),
    id: uuid,
    event: type,
    account,
  };
}

function alertBody({ time, type, data }: AlertEvent): Body {
  return {
    eventDateTime: dateTime(time),
    subject: data.subject,
    dataCenterId: textOf(data.details, 'dataCenterId'),
    event: type,
    body: data.body ?? '',
    podId: textOf(data.details, 'podId'),
  };
}

/** Code of CloudStack for a failure that has no better code. */
const internalError = '530';

function jobBody({ subject, actor, account, data }: AsyncJobEvent): Body {
  const { resource, uuid } = parseSubject(subject);
  const { jobId, command, status, progress = 0, result, error } = data;
  const failed = status === 'FAILED';
  return {
    jobId,
    commandEventType: command,
    processStatus: String(Math.round(progress)),
    // CloudStack lists every parameter of the call here, the session key too: we name none.
    cmdInfo: {},
    instanceType: resource,
    jobResult: failed
      ? { uuidList: [], errorcode: Number(internalError), errortext: error?.message ?? '' }
      : result,
    resultCode: failed ? internalError : '0',
    instanceUuid: uuid,
    user: actor,
    command,
    account,
    status,
  };
}

/** As `yyyy-MM-dd HH:mm:ss Z` in UTC. */
function dateTime(time: string): string {
  const [date, clock] = instantOf(time).toISOString().split('T');
  return `${date} ${clock?.slice(0, 8)} +0000`;
}

function textOf(details: JsonObject | undefined, key: string): string | undefined {
  const value = details !== undefined && Object.hasOwn(details, key) ? details[key] : undefined;
  return typeof value === 'string' ? value : undefined;
}
