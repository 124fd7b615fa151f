import type { Integer } from './journal-row.js';
import type { OutboxDepth } from '../core/stores/outbox-store.js';

/** What a database tells about the pending rows of one bus. */
export interface PendingRow {
  readonly pending: Integer;
  /** RFC 3339: when the event of the lowest position was announced. */
  readonly oldest: string;
}

/** What a database tells about the parked rows of one status. */
export interface StatusRow {
  readonly status: string;
  readonly number: Integer;
}

/**
 * Sums up how full the outbox is. Pure. The age is told by the clock that writes the events' times,
 * the processes', so `now` is theirs too.
 */
export function outboxDepth(
  pending: readonly PendingRow[],
  parked: readonly StatusRow[],
  now: number,
): OutboxDepth {
  const counted = (status: string) =>
    parked.reduce((sum, row) => (row.status === status ? sum + Number(row.number) : sum), 0);
  return {
    pending: pending.reduce((sum, row) => sum + Number(row.pending), 0),
    parked: counted('parked'),
    held: counted('held'),
    oldestAge: Math.max(0, ...pending.map(({ oldest }) => now - Date.parse(oldest))),
  };
}
