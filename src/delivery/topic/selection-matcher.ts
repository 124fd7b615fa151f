import type { EventSelection, TenancyFilter } from '../../core/events/event-filter.js';
import {
  selectedParts,
  tenancyKeys,
  wantedTenancy,
  type WantedTenancy,
} from '../../core/events/filter.js';
import { TopicTrie } from './topic-trie.js';

/** Owners of an event's subject, as the event names them. */
type Owners = Readonly<Partial<Record<(typeof tenancyKeys)[number], string | null | undefined>>>;

/** Tells which events a selection takes. */
export interface SelectionMatcher {
  /** Patterns to bind on a bus: every selected event has a key that one of them matches. */
  readonly patterns: readonly string[];
  /** Whether a key that the patterns match is not enough. */
  readonly looksAtOwners: boolean;
  /**
   * Whether an event is selected.
   *
   * @param key its routing key
   * @param owners who owns what it is about; asked only where that decides
   */
  readonly matches: (key: string, owners: () => Owners) => boolean;
}

/**
 * Pure. Throws RefusedError FILTER_INVALID for a selection that can match nothing.
 *
 * @param within whose events are selected besides, whatever the selection says
 */
export function selectionMatcher(
  selection: EventSelection,
  within: TenancyFilter = {},
): SelectionMatcher {
  const parts = selectedParts(selection);
  const everywhere = wantedTenancy(within);
  const trie = new TopicTrie<WantedTenancy>();
  for (const { patterns, tenancy = anybody } of parts) {
    for (const pattern of patterns) trie.add(pattern, tenancy);
  }
  return {
    patterns: [...new Set(parts.flatMap(({ patterns }) => patterns))],
    looksAtOwners: everywhere !== undefined || parts.some(({ tenancy }) => tenancy !== undefined),
    matches(key, owners) {
      const found = trie.match(key);
      if (found.size === 0) return false;
      if (everywhere !== undefined && !isOwnedBy(owners(), everywhere)) return false;
      if (found.has(anybody)) return true;
      const its = owners();
      return [...found].some((wanted) => isOwnedBy(its, wanted));
    },
  };
}

const anybody: WantedTenancy = {};

/** Pure. Whether owners are those that are wanted; what is not told is nobody's. */
export function isOwnedBy(owners: Owners, wanted: WantedTenancy): boolean {
  return tenancyKeys.every((key) => {
    const values = wanted[key];
    const owner = owners[key];
    return values === undefined || (owner != null && values.includes(owner));
  });
}
