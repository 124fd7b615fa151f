import type { EntityManager } from 'typeorm';
import { refsByBus } from './refs-by-bus.js';
import type { OutboxRef, OutboxStore } from '../core/stores/outbox-store.js';

/** The statements by which a database server parks rows and puts them back. */
export interface ParkedStatements {
  readonly inTransaction: <T>(work: (manager: EntityManager) => Promise<T>) => Promise<T>;
  /** Moves those whose resource has a parked row from the outbox to behind it, and returns them. */
  readonly holdOnBus: (
    manager: EntityManager,
    bus: string,
    positions: readonly number[],
  ) => Promise<readonly OutboxRef[]>;
  /**
   * Locks a row that is parked itself, and returns the key of its resource. The lock keeps `retry` and
   * `drop` from putting a resource back while rows are held behind it.
   */
  readonly lockParked: (manager: EntityManager, ref: OutboxRef) => Promise<string | undefined>;
  readonly deleteParked: (manager: EntityManager, ref: OutboxRef) => Promise<void>;
  /** Moves all rows of a resource back to the outbox, in their places. */
  readonly putBack: (manager: EntityManager, bus: string, resourceKey: string) => Promise<void>;
}

/** Steps that retry or drop parked rows, in a transaction each: the same on every server. */
export function parkedSteps(
  statements: ParkedStatements,
): Pick<OutboxStore, 'hold' | 'retry' | 'drop'> {
  const { inTransaction, holdOnBus, lockParked, deleteParked, putBack } = statements;

  const unpark = (ref: OutboxRef, drops: boolean): Promise<boolean> =>
    inTransaction(async (manager) => {
      const resourceKey = await lockParked(manager, ref);
      if (resourceKey === undefined) return false;
      if (drops) await deleteParked(manager, ref);
      await putBack(manager, ref.bus, resourceKey);
      return true;
    });

  return {
    hold: (refs) =>
      inTransaction(async (manager) => {
        const moved: OutboxRef[] = [];
        for (const [bus, positions] of refsByBus(refs)) {
          moved.push(...(await holdOnBus(manager, bus, positions)));
        }
        return moved;
      }),
    retry: (ref) => unpark(ref, false),
    drop: (ref) => unpark(ref, true),
  };
}
