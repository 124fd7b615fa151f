import type { Integer } from './journal-row.js';
import { partitionCount } from '../core/stores/outbox-store.js';
import { type LeaseGrant } from '../core/stores/lease-store.js';

/** A lease as its row says. */
export interface LeaseRow {
  readonly share: Integer;
  readonly relay: string | null;
  /** By the database's clock; SQLite and MySQL tell it as a number. */
  readonly expired: boolean | Integer | null;
}

/**
 * Decides which partitions a relay holds from now on. Pure. It keeps its own, also those whose lease ran
 * out while nobody took them, and takes free ones up to an even part. What it has beyond that part is
 * surplus: it still holds it, because only it knows when it has finished with it.
 *
 * @param live How many relays live, this one included.
 */
export function planLeases(rows: readonly LeaseRow[], relay: string, live: number): LeaseGrant {
  const fair = Math.ceil(partitionCount / Math.max(1, live));
  const own = rows.filter((row) => row.relay === relay);
  const free = rows.filter(
    (row) => row.relay !== relay && (row.relay === null || Boolean(Number(row.expired))),
  );
  const taken = free.slice(0, Math.max(0, fair - own.length));
  const partitions = [...own, ...taken].map(({ share }) => Number(share)).toSorted((a, b) => a - b);
  return { partitions, surplus: own.length > fair ? partitions.slice(fair) : [] };
}

/** The granted part of a plan: another relay may have been faster with a partition. Pure. */
export function grantOf(plan: LeaseGrant, taken: readonly number[]): LeaseGrant {
  const held = new Set(taken);
  return {
    partitions: plan.partitions.filter((partition) => held.has(partition)),
    surplus: plan.surplus.filter((partition) => held.has(partition)),
  };
}
