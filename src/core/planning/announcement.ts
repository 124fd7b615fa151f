import type { Category } from '../events/category.js';
import { dataSchema } from '../events/data-schema.js';
import type { JournalEntry } from './journal-entry.js';
import type { EventContext, Tenancy } from './event-context.js';

/** An event before it is encoded. */
export interface Announcement {
  /** UUIDv7. */
  readonly id: string;
  readonly origin: EventContext;
  readonly category: Category;
  readonly type: string;
  readonly subject?: { readonly resource: string; readonly uuid: string };
  readonly tenancy?: Tenancy;
  readonly revision?: number;
  /** Plain JSON, checked by the caller. */
  readonly data: object;
}

/** Writes an announcement as a journal entry. Pure. */
export function journalEntry(announcement: Announcement): JournalEntry {
  const { id, origin, category, type, subject, tenancy, revision, data } = announcement;
  return {
    id,
    source: origin.source,
    category,
    type,
    resource: subject?.resource ?? null,
    uuid: subject?.uuid ?? null,
    revision: revision ?? null,
    time: origin.time,
    payload:
      payloadHead(announcement) +
      payloadTenancy(tenancy) +
      (revision === undefined ? '' : `,"revision":${revision}`) +
      `,"data":${JSON.stringify(data)}}`,
  };
}

/**
 * The part of a payload that is known before the row is locked: from `{` to the causation. The order
 * of keys is fixed (see `createEvent`), so that a database can append the rest by itself.
 */
export function payloadHead({
  id,
  origin,
  category,
  type,
  subject,
}: Pick<Announcement, 'id' | 'origin' | 'category' | 'type' | 'subject'>): string {
  const { source, time } = origin;
  const context = payloadContext(origin, category);
  return subject === undefined
    ? `${headParts.id}${id}","source":${JSON.stringify(source)},"type":${JSON.stringify(type)}` +
        `,${headParts.time}${time}${headParts.schema(category)}"${context}`
    : `${headParts.id}${id}${headParts.subject(source, type, subject.resource)}${subject.uuid}` +
        `",${headParts.time}${time}${headParts.schema(category)}","partitionkey":"${subject.uuid}` +
        `"${context}`;
}

/**
 * Constant parts in the head of a payload, before its id, its uuid and its time, so that a database can
 * write many heads from the little in which they differ.
 */
export const headParts = {
  id: '{"specversion":"1.0","id":"',
  /** Behind the id, before the uuid. */
  subject: (source: string, type: string, resource: string) =>
    `","source":${JSON.stringify(source)},"type":${JSON.stringify(type)}` +
    `,"subject":${JSON.stringify(resource).slice(0, -1)}/`,
  time: '"time":"',
  /** Behind the time. */
  schema: (category: Category) =>
    `","datacontenttype":"application/json","dataschema":"${dataSchema(category)}`,
} as const;

/** The end of a payload's head: who and why, as far as the caller tells. */
export function payloadContext(origin: EventContext, category: Category): string {
  return (
    optional('traceparent', origin.traceparent) +
    `,"category":"${category}"` +
    optional('actor', origin.actor) +
    optional('correlationid', origin.correlationId) +
    optional('causationid', origin.causationId)
  );
}

/** The part of a payload that the resource's row tells. */
export function payloadTenancy(tenancy: Tenancy | undefined): string {
  return tenancy === undefined
    ? ''
    : optional('account', tenancy.account) +
        optional('domain', tenancy.domain) +
        optional('project', tenancy.project);
}

/** The schemas know no empty attribute: a consumer would take the whole event for malformed. */
function optional(key: string, value: string | null | undefined): string {
  return value == null || value === '' ? '' : `,"${key}":${JSON.stringify(value)}`;
}
