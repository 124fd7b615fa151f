import { guardListener } from '../../core/errors/guard-listener.js';

/** Notices that a relay sends to its listener besides its metrics. */
export type RelayNotice =
  | { readonly type: 'partitions-changed'; readonly partitions: readonly number[] }
  /** It overslept its lease: what it held in memory was dropped and is read again. */
  | { readonly type: 'lease-lost' }
  /** Events stay in the outbox and are tried again after `retryIn` milliseconds. */
  | {
      readonly type: 'bus-unavailable';
      readonly bus: string;
      readonly error: Error;
      readonly retryIn: number;
    }
  | { readonly type: 'bus-recovered'; readonly bus: string }
  | { readonly type: 'unroutable'; readonly bus: string; readonly id: string; readonly key: string }
  /** Somebody must retry or drop it: later events of its resource are held back. */
  | {
      readonly type: 'parked';
      readonly bus: string;
      readonly position: number;
      readonly id: string;
      readonly reason: string;
    }
  | { readonly type: 'database-unavailable'; readonly error: Error }
  /** A bus is registered for this database with another target; told once, and tried again. */
  | { readonly type: 'bus-refused'; readonly error: Error }
  | { readonly type: 'database-recovered' }
  /** The database keeps it waiting: a pool, or a pooler, whose connections others use. Told once. */
  | { readonly type: 'starved'; readonly error: Error }
  /** It waits no more; milliseconds. */
  | { readonly type: 'served'; readonly waited: number }
  /** The oldest pending event is older than the bound; told once until it has caught up. */
  | { readonly type: 'lagging'; readonly age: number; readonly pending: number }
  | { readonly type: 'caught-up' };

/** Is called in the middle of the relay's work: be quick. What it throws, or rejects with, is ignored. */
export type RelayListener = (notice: RelayNotice) => void;

/** A listener whose faults stay its own. */
export function guardRelayListener(listener: RelayListener | undefined): RelayListener {
  // Publishing must not depend on who watches it.
  return listener === undefined ? () => {} : guardListener(listener);
}
