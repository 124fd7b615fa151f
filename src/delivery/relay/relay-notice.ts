import { guardListener } from '../../core/errors/guard-listener.js';

/** Notices that a relay sends to its listener besides its metrics. */
export type RelayNotice =
  | { readonly kind: 'partitionsChanged'; readonly partitions: readonly number[] }
  /** It overslept its lease: what it held in memory was dropped and is read again. */
  | { readonly kind: 'leaseLost' }
  /** Events stay in the outbox and are tried again after `retryIn` milliseconds. */
  | {
      readonly kind: 'busUnavailable';
      readonly bus: string;
      readonly error: Error;
      readonly retryIn: number;
    }
  | { readonly kind: 'busRecovered'; readonly bus: string }
  | { readonly kind: 'unroutable'; readonly bus: string; readonly id: string; readonly key: string }
  /** Somebody must retry or drop it: later events of its resource are held back. */
  | {
      readonly kind: 'parked';
      readonly bus: string;
      readonly position: number;
      readonly id: string;
      readonly reason: string;
    }
  | { readonly kind: 'databaseUnavailable'; readonly error: Error }
  /** A bus is registered for this database with another target; told once, and tried again. */
  | { readonly kind: 'busRefused'; readonly error: Error }
  | { readonly kind: 'databaseRecovered' }
  /** The database keeps it waiting: a pool, or a pooler, whose connections others use. Told once. */
  | { readonly kind: 'starved'; readonly error: Error }
  /** It waits no more; milliseconds. */
  | { readonly kind: 'served'; readonly waited: number }
  /** The oldest pending event is older than the bound; told once until it has caught up. */
  | { readonly kind: 'lagging'; readonly age: number; readonly pending: number }
  | { readonly kind: 'caughtUp' };

/** Is called in the middle of the relay's work: be quick. What it throws, or rejects with, is ignored. */
export type RelayListener = (notice: RelayNotice) => void;

/** A listener whose faults stay its own. */
export function guardRelayListener(listener: RelayListener | undefined): RelayListener {
  // Publishing must not depend on who watches it.
  return listener === undefined ? () => {} : guardListener(listener);
}
