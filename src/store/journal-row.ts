import type { Category } from '../events/category.js';
import type { JournalRecord } from './journal-entry.js';
import type { OutboxRecord, ParkedRecord } from './store.js';

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

/** A row of the outbox joined to its journal row. */
export interface OutboxRow extends JournalRow {
  readonly bus: string;
  readonly share: Integer;
}

/** A row of the parked table joined to its journal row. */
export interface ParkedRow extends OutboxRow {
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
  return { ...journalRecord(row), bus: row.bus, share: Number(row.share) };
}

/** A row of the outbox joined to its journal row, as a list: bus and share, then the journal's columns. */
export type OutboxFields = readonly [
  bus: string,
  share: Integer,
  position: Integer,
  id: string,
  source: string,
  category: string,
  type: string,
  resource: string | null,
  uuid: string | null,
  revision: Integer | null,
  time: string,
  payload: string,
];

/** Pure. One object for each row, since a relay reads many. */
export function outboxFields([bus, share, position, ...rest]: OutboxFields): OutboxRecord {
  const [id, source, category, type, resource, uuid, revision, time, payload] = rest;
  return {
    bus,
    share: Number(share),
    position: Number(position),
    id,
    source,
    category: category as Category,
    type,
    resource,
    uuid,
    revision: revision === null ? null : Number(revision),
    time,
    payload,
  };
}

/** Pure. */
export function parkedRecord(row: ParkedRow): ParkedRecord {
  return {
    ...outboxRecord(row),
    status: row.status as ParkedRecord['status'],
    reason: row.reason,
    parkedAt: row.parked_at,
  };
}
