/**
 * Restores the stream's order of redelivered messages: a server redelivers in the order in which ack waits
 * ran out, so a message whose wait was extended comes after a later one. A server with much to do is late
 * with it, and hands out new messages meanwhile. This keeps all of them until those that were handed out
 * before are here, and gives them back in their order. Neither clock nor I/O.
 */
export class Redeliveries<T> {
  readonly #kept = new Map<number, T>();
  readonly #again = new Set<number>();
  #expected: number;

  /** @param expected How many come again. */
  constructor(expected: number) {
    this.#expected = expected;
  }

  /** How many are still to come again. While there are any, nothing may be begun. */
  get missing(): number {
    return Math.max(0, this.#expected - this.#again.size);
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept.size;
  }

  /**
   * Takes a delivery, and returns what may go on, in its order: nothing before the last is here.
   *
   * @param isNew True for one that was never handed out before.
   */
  take(sequence: number, delivery: T, isNew: boolean): readonly T[] {
    // One that was new stays new, also when it had to wait here for so long that it was repeated.
    if (!isNew && !this.#kept.has(sequence)) this.#again.add(sequence);
    this.#kept.set(sequence, delivery);
    return this.missing === 0 ? this.end() : [];
  }

  /** Returns what is here: no more come again. */
  end(): readonly T[] {
    const all = [...this.#kept].toSorted(([a], [b]) => a - b).map(([, delivery]) => delivery);
    this.#kept.clear();
    this.#again.clear();
    this.#expected = 0;
    return all;
  }
}
