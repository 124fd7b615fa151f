import { shareCount } from '../core/stores/outbox-store.js';

/** The shares as a list. Pure. */
export function shareList(shares: readonly number[] | 'all'): readonly number[] {
  return shares === 'all' ? Array.from({ length: shareCount }, (_, share) => share) : shares;
}
