import { parseSubject } from '../../core/events/create-event.js';
import type { ResourceStateEvent } from '../../core/events/event.js';
import { created, removed } from '../../core/planning/transition-announcements.js';

/** A state event as the check reads it: every part is there. */
export interface ChangeRecord {
  readonly id: string;
  readonly resource: string;
  readonly uuid: string;
  readonly revision: number;
  /** RFC 3339, as written. */
  readonly time: string;
  /** The same in milliseconds. */
  readonly at: number;
  readonly event: string;
  /** The id of the deadline that passed, where the event tells it. */
  readonly deadline?: string;
  readonly old: string | null;
  readonly new: string | null;
  readonly version: number;
  /** Where it stands in the trace. */
  readonly place: string;
}

/** Pure. Reads a state event; what is missing or contradicts itself comes back as a sentence. */
export function changeRecord(event: ResourceStateEvent, place: string): ChangeRecord | string {
  const { resource, uuid } = parseSubject(event.subject);
  const { data, revision, time, id } = event;
  const at = Date.parse(time);
  if (resource === undefined || uuid === undefined) return 'It names no resource';
  if (revision === undefined) return 'It carries no revision';
  if (Number.isNaN(at)) return `Its time ${time} does not exist`;
  if (event.type !== data.event) return `Its type is ${event.type}, its event ${data.event}`;
  if (data.changed !== (data.old !== data.new)) {
    return `It says changed: ${data.changed}, from ${data.old} to ${data.new}`;
  }
  if (data.old === null && (data.event !== created || data.new === null || revision !== 1)) {
    return `Only ${created} leaves no state, enters one, and has the revision 1`;
  }
  if (data.new === null && data.event !== removed) return `Only ${removed} enters no state`;
  return {
    id,
    resource,
    uuid,
    revision,
    time,
    at,
    event: data.event,
    ...(data.deadline === undefined ? {} : { deadline: data.deadline }),
    old: data.old,
    new: data.new,
    version: data.lifecycleVersion,
    place,
  };
}
