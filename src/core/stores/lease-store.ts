/** Partitions that a relay holds until its lease runs out. */
export interface LeaseGrant {
  readonly partitions: readonly number[];
  /** Those of `partitions` beyond the fair part: to be finished and then released. */
  readonly surplus: readonly number[];
}

/** The leases of relays on the partitions of the outbox. */
export interface LeaseStore {
  /**
   * Announces that this relay lives for `ttl` milliseconds more by the database's clock, renews every
   * partition it holds, and takes free or expired ones up to its fair part.
   */
  acquire(relay: string, ttl: number): Promise<LeaseGrant>;
  /** Gives partitions back at once. Safe to call twice. */
  release(relay: string, partitions: readonly number[]): Promise<void>;
  /**
   * The relay is gone for good: gives back at once all its partitions but those to `keep`, which run out
   * by themselves. Safe to call twice.
   */
  leave(relay: string, keep: readonly number[]): Promise<void>;
}
