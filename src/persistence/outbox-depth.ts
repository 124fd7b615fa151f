import type { Integer } from './journal-row.js';
import type { BusDepth, OutboxDepth } from '../core/stores/outbox-store.js';
import { isInSpace } from './application.js';

/** Count and age of the pending rows of one bus. */
export interface PendingRow {
  readonly bus: string;
  readonly pending: Integer;
  /** RFC 3339: when the event of the lowest position was announced. */
  readonly oldest: string;
}

/** Count of the parked rows of one bus and status. */
export interface StatusRow {
  readonly bus: string;
  readonly status: string;
  readonly number: Integer;
}

/**
 * Sums up how full the outbox of one application is. Pure. The age is told by the clock that writes the
 * events' times, the processes', so `now` is theirs too.
 */
export function outboxDepth(
  pending: readonly PendingRow[],
  parked: readonly StatusRow[],
  now: number,
  space: string,
): OutboxDepth {
  const names = [...new Set([...pending, ...parked].map(({ bus }) => bus))]
    .filter((bus) => isInSpace(space, bus))
    .toSorted();
  const buses = names.map((name): BusDepth => {
    const counted = (status: string) =>
      sum(
        parked.filter((row) => row.bus === name && row.status === status).map((row) => row.number),
      );
    const waiting = pending.filter(({ bus }) => bus === name);
    return {
      bus: name.slice(space.length),
      pending: sum(waiting.map((row) => row.pending)),
      parked: counted('parked'),
      held: counted('held'),
      oldestAge: Math.max(0, ...waiting.map(({ oldest }) => now - Date.parse(oldest))),
    };
  });
  return {
    pending: sum(buses.map((bus) => bus.pending)),
    parked: sum(buses.map((bus) => bus.parked)),
    held: sum(buses.map((bus) => bus.held)),
    oldestAge: Math.max(0, ...buses.map((bus) => bus.oldestAge)),
    buses,
  };
}

function sum(numbers: readonly Integer[]): number {
  return numbers.reduce<number>((total, each) => total + Number(each), 0);
}
