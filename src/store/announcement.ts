import type { Category } from '../events/category.js';
import { dataSchema } from '../events/data-schema.js';
import type { JournalEntry } from './journal-entry.js';
import type { EventOrigin, Tenancy } from './origin.js';

/** What one event says, before it is put into words. */
export interface Announcement {
  /** UUIDv7. */
  readonly id: string;
  readonly origin: EventOrigin;
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
  return (
    `{"specversion":"1.0","id":"${id}","source":${JSON.stringify(origin.source)}` +
    `,"type":${JSON.stringify(type)}` +
    (subject === undefined
      ? ''
      : `,"subject":${JSON.stringify(`${subject.resource}/${subject.uuid}`)}`) +
    `,"time":"${origin.time}","datacontenttype":"application/json"` +
    `,"dataschema":"${dataSchema(category)}"` +
    (subject === undefined ? '' : `,"partitionkey":"${subject.uuid}"`) +
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
