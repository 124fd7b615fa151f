/** Bounds how many of each key are under way at once. Waiters are let in first come, first served. */
export class Slots {
  readonly #bound: number;
  readonly #busy = new Map<string, { count: number; readonly waiting: (() => void)[] }>();

  constructor(bound: number) {
    this.#bound = bound;
  }

  /** Resolves with what gives the place back; call it once. */
  async take(key: string): Promise<() => void> {
    const entry = this.#busy.get(key) ?? { count: 0, waiting: [] };
    this.#busy.set(key, entry);
    if (entry.count < this.#bound) entry.count += 1;
    else await new Promise<void>((resolve) => entry.waiting.push(resolve));
    return () => {
      // The place passes to the next in line without becoming free.
      const next = entry.waiting.shift();
      if (next !== undefined) {
        next();
        return;
      }
      entry.count -= 1;
      if (entry.count === 0) this.#busy.delete(key);
    };
  }
}
