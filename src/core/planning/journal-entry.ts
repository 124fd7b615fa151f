import type { Category } from '../events/category.js';

/**
 * One event as the journal keeps it: its payload is the CloudEvents JSON text that goes on the wire,
 * the rest are the columns it is found by. Written once, in the commit of what it announces.
 */
export interface JournalEntry {
  /** UUIDv7; the CloudEvents id. */
  readonly id: string;
  readonly source: string;
  readonly category: Category;
  readonly type: string;
  /** Resource type and uuid; null when the event concerns no resource. */
  readonly resource: string | null;
  readonly uuid: string | null;
  /** The resource's revision at the event; null when it concerns no resource. */
  readonly revision: number | null;
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string;
  readonly payload: string;
}

/** A journal entry with the place the database gave it. */
export interface JournalRecord extends JournalEntry {
  /** Rises with the revisions of one resource; over several resources it is no order of commits. */
  readonly position: number;
}
