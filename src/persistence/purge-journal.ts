import { checkCall, optionsOf } from '../core/options/check-options.js';
import { field, required, text, time, whole } from '../core/options/fields.js';
import type { DataSource } from 'typeorm';
import { chooseApplication } from './application.js';
import { openStore } from './open-store.js';

/** Options of `purgeJournal()`. */
export interface JournalPurgeOptions {
  /** RFC 3339. Events of this time or later stay. */
  readonly before: string;
  /** Events to delete at the most. Default 10,000: more hold locks for longer. */
  readonly limit?: number;
  /** Application whose events are purged, where several share the database. Default the only one there is. */
  readonly application?: string;
}

export const purgeJournalSchema = optionsOf<JournalPurgeOptions>('purgeJournal()', {
  before: required(
    field(
      'an RFC 3339 time',
      (value) => typeof value === 'string' && time.misfit(value) === undefined,
    ),
  ),
  limit: whole(1),
  application: text(1, 255),
});

/**
 * Deletes old events of the journal that no outbox row needs, in one commit, and returns how many.
 * Nothing else deletes from the journal. Call it until it returns less than the limit.
 *
 * Replays, histories and bookmarks of watches do not reach behind what was purged. How far it was is kept for
 * all applications of a database together: a watch of another one that goes on from an older bookmark reads
 * its table whole, and misses nothing.
 *
 * @throws RefusedError UNKNOWN_APPLICATION where several applications share the database and none is named.
 * @throws UnavailableError DATABASE_UNAVAILABLE.
 *
 * @example
 * ```ts
 * const before = new Date(Date.now() - 90 * 24 * 3600 * 1000).toISOString();
 * while ((await purgeJournal(dataSource, { before, limit: 10_000 })) === 10_000);
 * ```
 */
export async function purgeJournal(
  dataSource: DataSource,
  options: JournalPurgeOptions,
): Promise<number> {
  checkCall(purgeJournalSchema, options);
  const { application, before, limit = 10_000 } = options;
  const owner = await chooseApplication(dataSource, application);
  return openStore(dataSource, owner).journal.purge({ before, limit });
}
