import { setTimeout as delay } from 'node:timers/promises';

/** Lets through so many a second, evenly; without a rate, at once. */
export class Pacer {
  readonly #gap: number;
  #next = 0;

  /** @param rate a second; undefined for no limit */
  constructor(rate: number | undefined) {
    this.#gap = rate === undefined ? 0 : 1000 / rate;
  }

  /** Resolves when it is the caller's turn, in the order of the calls, or when `signal` aborts. */
  async turn(signal?: AbortSignal): Promise<void> {
    if (this.#gap === 0) return;
    const now = performance.now();
    const mine = Math.max(now, this.#next);
    this.#next = mine + this.#gap;
    if (mine <= now) return;
    await delay(mine - now, undefined, signal === undefined ? {} : { signal }).catch(
      () => undefined,
    );
  }
}
