/**
 * Keeps the making and the removing of a pool apart in this process: brokers that delete a quorum queue
 * while it is declared again may answer neither, and lose the supervisor of their dead letters.
 */
export class PoolRemovals {
  readonly #removing = new Map<string, Promise<void>>();
  readonly #declaring = new Map<string, Set<Promise<unknown>>>();

  /** Declares a pool when no removal of it is under way. Settles as `work` does. */
  async declare<T>(pool: string, work: () => Promise<T>): Promise<T> {
    for (let removing; (removing = this.#removing.get(pool)) !== undefined;) {
      await removing.catch(() => undefined);
    }
    const declaring = work();
    const others = this.#declaring.get(pool) ?? new Set();
    others.add(declaring);
    this.#declaring.set(pool, others);
    try {
      return await declaring;
    } finally {
      others.delete(declaring);
      if (others.size === 0) this.#declaring.delete(pool);
    }
  }

  /** Removes a pool when no member declares it. A removal that is under way is shared. */
  remove(pool: string, work: () => Promise<void>): Promise<void> {
    const others = this.#removing.get(pool);
    if (others !== undefined) return others;
    const removing = this.#remove(pool, work).finally(() => this.#removing.delete(pool));
    this.#removing.set(pool, removing);
    return removing;
  }

  async #remove(pool: string, work: () => Promise<void>): Promise<void> {
    const declaring = this.#declaring.get(pool);
    if (declaring !== undefined) await Promise.allSettled(declaring);
    await work();
  }
}
