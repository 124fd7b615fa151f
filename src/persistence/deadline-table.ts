import type { EntityManager } from 'typeorm';
import type { ArmedDeadline, DeadlineStore, DueDeadline } from '../core/stores/deadline-store.js';

/** The deadlines of one application, and what a sweeper does to them in a transaction of its own. */
export interface DeadlineTable extends DeadlineStore {
  /** Every armed deadline of these resources, in no order. */
  armedWithin(
    manager: EntityManager,
    resource: string,
    uuids: readonly string[],
  ): Promise<readonly ArmedDeadline[]>;
  /** Removes an armed deadline. False when it was cancelled or armed again meanwhile. */
  removeWithin(manager: EntityManager, due: DueDeadline): Promise<boolean>;
  /**
   * Notes that the resource of a deadline was not found, and makes it due again in so many milliseconds.
   * Resolves with whether this was the first time; undefined when the deadline is armed no more.
   */
  postponeWithin(
    manager: EntityManager,
    due: DueDeadline,
    milliseconds: number,
  ): Promise<boolean | undefined>;
}
