import type { EventSelection, TenancyFilter } from '../../core/events/event-filter.js';
import { routingWord } from '../../core/events/routing-key.js';
import { selectionMatcher } from '../../delivery/topic/selection-matcher.js';
import type { JournalRecord } from '../../core/planning/journal-entry.js';
import type { JournalQuery } from '../../core/stores/journal-store.js';

/** A selection as the database and then this process apply it. */
export interface JournalSelection {
  /** The part that the database filters by its columns; it may let through more than is selected. */
  readonly columns: Pick<JournalQuery, 'uuid' | 'resource' | 'category'>;
  /** Whether an event is selected, by the words of its routing key and by whose it is. */
  readonly matches: (record: JournalRecord) => boolean;
}

const places = { category: 1, resource: 3, uuid: 4 } as const;

/**
 * Pure. A selection as subscriptions take it, to be read from the journal. Throws RefusedError
 * FILTER_INVALID for one that can match nothing.
 *
 * @param within whose events are selected besides
 */
export function journalSelection(
  selection: EventSelection,
  within: TenancyFilter = {},
): JournalSelection {
  const { patterns, matches } = selectionMatcher(selection, within);
  const columns: { -readonly [K in keyof typeof places]?: readonly string[] } = {};
  for (const [column, place] of Object.entries(places) as [keyof typeof places, number][]) {
    const words = patterns.map((pattern) => literalAt(pattern, place, column));
    if (words.every((word) => word !== undefined)) columns[column] = [...new Set(words)];
  }
  return {
    columns,
    matches({ source, category, type, resource, uuid, payload }) {
      // Not by the key on the wire: a format may make another, or none that is short enough.
      const words = [source, category, type, resource ?? undefined, uuid ?? undefined];
      return matches(words.map(routingWord).join('.'), () => JSON.parse(payload) as object);
    },
  };
}

/** The word that every matching key has at the place, where it is sure to be the column's value. */
function literalAt(
  pattern: string,
  place: number,
  column: keyof typeof places,
): string | undefined {
  const words = pattern.split('.');
  if (words.includes('#')) {
    // Words before a hash keep their places.
    if (words.indexOf('#') <= place) return undefined;
  }
  const word = words[place];
  if (word === undefined || word === '*' || word === '#') return undefined;
  if (column === 'uuid') return canonical.test(word) ? word : undefined;
  // A dash may stand for a dot, and for nothing.
  return word.includes('-') ? undefined : word;
}

const canonical = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
