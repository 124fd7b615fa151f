import type { WantedTenancy } from '../core/events/filter.js';
import type { JournalRecord } from '../core/planning/journal-entry.js';
import type { JournalQuery, JournalStore } from '../core/stores/journal-store.js';
import { isOwnedBy } from '../delivery/topic/selection-matcher.js';

/**
 * Events of the journal in order, as many as the limit where there are so many: those of some owners
 * only, as each event tells its own, or of everybody.
 */
export async function readHistory(
  journal: JournalStore,
  query: JournalQuery & { readonly after: number },
  wanted: WantedTenancy | undefined,
): Promise<readonly JournalRecord[]> {
  if (wanted === undefined) return journal.read(query);
  const found: JournalRecord[] = [];
  let { after } = query;
  while (found.length < query.limit) {
    const records = await journal.read({ ...query, after, limit: page });
    found.push(
      ...records.filter(({ payload }) => isOwnedBy(JSON.parse(payload) as object, wanted)),
    );
    const last = records.at(-1);
    if (records.length < page || last === undefined) break;
    after = last.position;
  }
  return found.slice(0, query.limit);
}

/** Records read at once. */
const page = 1000;
