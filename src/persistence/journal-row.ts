import type { Category } from '../core/events/category.js';
import type { JournalRecord } from '../core/planning/journal-entry.js';
import type { OutboxRecord, ParkedRecord } from '../core/stores/outbox-store.js';

/** A number as drivers return 64-bit integers. */
export type Integer = number | string | bigint;

/** A row of the journal as a driver returns it, its time already written as RFC 3339. */
export interface JournalRow {
  readonly position: Integer;
  readonly id: string;
  readonly source: string;
  readonly category: string;
  readonly type: string;
  readonly resource: string | null;
  readonly uuid: string | null;
  readonly revision: Integer | null;
  readonly time: string;
  readonly payload: string;
}

/** A row of the outbox `o` joined to its journal row `j`: what is needed to publish it, and no more. */
export const outboxColumns = `o.position, o.bus, o.share, j.id, j.source, j.category, j.type,
  j.resource, j.uuid, j.payload`;

/** `outboxColumns` as a driver returns them. */
export interface OutboxRow extends Pick<
  JournalRow,
  'position' | 'id' | 'source' | 'category' | 'type' | 'resource' | 'uuid' | 'payload'
> {
  readonly bus: string;
  readonly share: Integer;
}

/** A row of the parked table joined to its journal row. */
export interface ParkedRow extends JournalRow {
  readonly bus: string;
  readonly share: Integer;
  readonly status: string;
  readonly reason: string;
  readonly parked_at: string;
}

/** Pure. Positions and revisions are far below 2^53. */
export function journalRecord(row: JournalRow): JournalRecord {
  return {
    position: Number(row.position),
    id: row.id,
    source: row.source,
    category: row.category as Category,
    type: row.type,
    resource: row.resource,
    uuid: row.uuid,
    revision: row.revision === null ? null : Number(row.revision),
    time: row.time,
    payload: row.payload,
  };
}

/** Pure. */
export function outboxRecord(row: OutboxRow): OutboxRecord {
  const { bus, id, source, type, resource, uuid, payload } = row;
  const category = row.category as Category;
  const [position, share] = [Number(row.position), Number(row.share)];
  return { position, bus, partition: share, id, source, category, type, resource, uuid, payload };
}

/** `outboxColumns` as a list. */
export type OutboxFields = readonly [
  position: Integer,
  bus: string,
  share: Integer,
  id: string,
  source: string,
  category: string,
  type: string,
  resource: string | null,
  uuid: string | null,
  payload: string,
];

/** Pure. One object for each row, since a relay reads many. */
export function outboxFields(fields: OutboxFields): OutboxRecord {
  return {
    position: Number(fields[0]),
    bus: fields[1],
    partition: Number(fields[2]),
    id: fields[3],
    source: fields[4],
    category: fields[5] as Category,
    type: fields[6],
    resource: fields[7],
    uuid: fields[8],
    payload: fields[9],
  };
}

/** Pure. */
export function parkedRecord(row: ParkedRow): ParkedRecord {
  return {
    ...journalRecord(row),
    bus: row.bus,
    partition: Number(row.share),
    status: row.status as ParkedRecord['status'],
    reason: row.reason,
    parkedAt: row.parked_at,
  };
}
