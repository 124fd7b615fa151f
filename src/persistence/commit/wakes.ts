import type { DataSource } from 'typeorm';
import { failpoint } from '../../core/failpoints/failpoints.js';
import { transactionGate } from '../sqlite/transaction-gate.js';

const wakes = new WeakMap<DataSource, Set<() => void>>();

/**
 * Has `wake` called whenever a call that commits by itself has committed events on the DataSource.
 * Returns what ends that.
 */
export function onCommit(dataSource: DataSource, wake: () => void): () => void {
  const registered = wakes.get(dataSource) ?? new Set();
  wakes.set(dataSource, registered);
  registered.add(wake);
  return () => {
    registered.delete(wake);
  };
}

/** Tells that events were committed. Never throws: they are there, and the relay polls besides. */
export function wakeAll(dataSource: DataSource): void {
  failpoint('wake');
  const gate = transactionGate(dataSource);
  for (const wake of wakes.get(dataSource) ?? []) {
    try {
      // What the wake starts must not count as a part of this SQLite transaction.
      if (gate === undefined) wake();
      else gate.outside(wake);
    } catch {
      // Throwing would reject the caller although the data is committed.
    }
  }
}
