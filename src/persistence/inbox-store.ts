import type { EntityManager } from 'typeorm';

/** Names one message of one consumer. */
export interface InboxRef {
  readonly consumer: string;
  /** The message's id. */
  readonly id: string;
}

/** Names what one consumer knows of one resource. */
export interface SeenRef {
  readonly consumer: string;
  readonly resource: string;
  readonly uuid: string;
}

/**
 * Store of the events that consumers have handled. Methods ending in `Within` run in the caller's
 * transaction and commit with it.
 */
export interface InboxStore {
  /**
   * Notes that the consumer handles the message. False when it has done so before. Waits for another
   * transaction that is about to, and answers by how that ends.
   */
  claimWithin(manager: EntityManager, ref: InboxRef): Promise<boolean>;
  /** Whether the note is still there: no statement failed meanwhile and took the transaction with it. */
  holdsWithin(manager: EntityManager, ref: InboxRef): Promise<boolean>;
  /** The highest revision of the resource that the consumer has handled; undefined when none. */
  seenWithin(manager: EntityManager, ref: SeenRef): Promise<number | undefined>;
  /** Notes the revision as handled unless a higher one is; undefined forgets the resource. */
  noteSeenWithin(manager: EntityManager, ref: SeenRef, revision: number | undefined): Promise<void>;
  /** Deletes notes that are older than so many milliseconds by the database's clock; returns how many. */
  purge(options: { readonly olderThan: number; readonly limit: number }): Promise<number>;
}
