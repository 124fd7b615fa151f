/**
 * A wait that can be cut short. Calls of `set` while nobody waits are kept as one, so that a wake-up
 * during work leads to another round of it. One waiter at a time.
 */
export class Wakeup {
  #pending = false;
  #release: (() => void) | undefined;

  /** Never throws; safe to call any number of times. */
  set(): void {
    this.#pending = true;
    this.#release?.();
  }

  /** Resolves after `milliseconds` (`Infinity` for never) or as soon as `set` was called. */
  async wait(milliseconds: number): Promise<void> {
    if (!this.#pending) {
      await new Promise<void>((resolve) => {
        const timer = Number.isFinite(milliseconds) ? setTimeout(resolve, milliseconds) : undefined;
        this.#release = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#release = undefined;
    }
    this.#pending = false;
  }
}
