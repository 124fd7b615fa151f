/** Sleeps that end early, all at once, when there is a reason to look again. */
export class WakeableSleep {
  readonly #wakes = new Set<() => void>();

  async sleep(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        // Nobody may wake it for days: what is over must not be kept until then.
        this.#wakes.delete(end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#wakes.add(end);
    });
  }

  /** How many sleep. */
  get size(): number {
    return this.#wakes.size;
  }

  wake(): void {
    for (const wake of this.#wakes) wake();
  }
}
