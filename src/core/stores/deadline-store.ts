import type { JournalEntry } from '../planning/journal-entry.js';

/** A deadline that has passed and has not been fired or cancelled. */
export interface DueDeadline {
  readonly resource: string;
  readonly uuid: string;
  readonly deadline: string;
  readonly revision: number;
}

/** Armed deadlines. */
export interface DeadlineStore {
  /** Due deadlines by the database's clock, oldest first. Several sweepers may see the same one. */
  due(options: {
    /** Resource types; those of other applications on the same database are left alone. */
    readonly resources: readonly string[];
    readonly limit: number;
    /** How many of the oldest to pass over. Default 0. */
    readonly skip?: number;
  }): Promise<readonly DueDeadline[]>;
  /** Milliseconds until the next one is due, 0 when one is; null when none is armed. */
  nextDue(resources: readonly string[]): Promise<number | null>;
  /**
   * Removes an armed deadline and appends what it announces, in one commit, without moving the
   * resource. False when it was cancelled or re-armed meanwhile.
   */
  fire(due: DueDeadline, entries: readonly JournalEntry[]): Promise<boolean>;
}
