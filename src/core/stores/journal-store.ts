import type { JournalRecord } from '../planning/journal-entry.js';

/** Query of the journal. Conditions are joined by "and", a list is any of its values. */
export interface JournalQuery {
  readonly uuid?: string | readonly string[];
  readonly resource?: string | readonly string[];
  readonly category?: string | readonly string[];
  /** RFC 3339: only events of this time or later, by their own clock. */
  readonly since?: string;
  /** RFC 3339: only events before this time. */
  readonly until?: string;
  /** A position: only events behind it. */
  readonly after?: number;
  /** A position: no event behind it. */
  readonly upTo?: number;
  readonly limit: number;
}

/** How far the journal reaches. */
export interface JournalExtent {
  /** The highest position that is visible; 0 when there is none. */
  readonly last: number;
  /** The highest position that was ever purged; 0 when none was. Events before it may be missing. */
  readonly purged: number;
}

/** Every event ever committed. */
export interface JournalStore {
  /** Events in position order. */
  read(query: JournalQuery): Promise<readonly JournalRecord[]>;
  /** The lowest position of an event of this time or later; null when there is none. */
  firstSince(time: string): Promise<number | null>;
  /** How far it reaches, now. */
  extent(): Promise<JournalExtent>;
  /** Positions and times of the last `limit` events, lowest position first. */
  tail(limit: number): Promise<readonly Pick<JournalRecord, 'position' | 'time'>[]>;
  /** Deletes events before `time` that no outbox row needs, and notes how far; returns how many. */
  purge(options: { readonly before: string; readonly limit: number }): Promise<number>;
}
