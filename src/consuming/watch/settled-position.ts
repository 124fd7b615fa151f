import type { JournalRecord } from '../../core/planning/journal-entry.js';
import type { JournalStore } from '../../core/stores/journal-store.js';

/** How many of the last events are looked at. */
const window = 10_000;

/** Milliseconds after which a missing position is taken for rolled back and not for under way. */
const patience = 600_000;

/**
 * Pure. The highest position below which no event can become visible any more: the last before the first
 * one missing. Positions are handed out before the commit, so a missing one may belong to a transaction
 * that is still open; one whose successor is old enough was rolled back.
 *
 * @param tail lowest position first
 * @param base what to answer when there is no event
 */
export function settledPosition(
  tail: readonly Pick<JournalRecord, 'position' | 'time'>[],
  base: number,
  now: number,
): number {
  const young = new Date(now - patience).toISOString();
  let settled = tail[0] === undefined ? base : tail[0].position;
  for (const { position, time } of tail.slice(1)) {
    if (position > settled + 1 && time > young) return settled;
    settled = position;
  }
  return settled;
}

/** The bookmark of now: every event up to it is committed and visible. */
export async function currentBookmark(journal: JournalStore): Promise<number> {
  const tail = await journal.tail(window);
  const { purged } = await journal.extent();
  return settledPosition(tail, purged, Date.now());
}
