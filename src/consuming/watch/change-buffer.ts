import type { ResyncReason } from './watch-event.js';
import type { WatchedChange } from './watch-view.js';

/** Content taken from the buffer. */
export type Taken =
  | { readonly kind: 'change'; readonly change: WatchedChange }
  /** Changes were lost; those that are still buffered may be stale. */
  | { readonly kind: 'lost'; readonly reason: ResyncReason }
  /** It is time to compare with the table. */
  | { readonly kind: 'due' }
  | { readonly kind: 'closed' };

/**
 * Changes on their way from the subscription to whoever iterates, so many at the most: what is too much
 * is thrown away whole, and the table is read instead.
 */
export class ChangeBuffer {
  readonly #capacity: number;
  readonly #onDrained: (() => void)[] = [];
  #changes: WatchedChange[] = [];
  #lost: ResyncReason | undefined;
  #due = false;
  #closed = false;
  #wake: (() => void) | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get closed(): boolean {
    return this.#closed;
  }

  push(change: WatchedChange): void {
    if (this.#closed || this.#lost === 'overflow') return;
    this.#changes.push(change);
    if (this.#changes.length > this.#capacity) this.lose('overflow');
    else this.#wake?.();
  }

  /** Notes that changes were lost. */
  lose(reason: ResyncReason): void {
    this.#lost = reason;
    this.#changes = [];
    this.#wake?.();
  }

  /** Notes that it is time to compare with the table. */
  remind(): void {
    this.#due = true;
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#changes = [];
    this.#wake?.();
    this.#onDrained.splice(0).forEach((drained) => drained());
  }

  /** Resolves when the reader has taken everything and waits for more, or when it is closed. */
  async drained(): Promise<void> {
    const isBehind = (): boolean =>
      this.#wake === undefined || this.#changes.length > 0 || this.#lost !== undefined;
    while (!this.#closed && isBehind()) {
      await new Promise<void>((resolve) => this.#onDrained.push(resolve));
    }
  }

  /** Resolves with the next thing to do. What is taken is gone; one caller at a time. */
  async take(): Promise<Taken> {
    for (;;) {
      if (this.#closed) return { kind: 'closed' };
      if (this.#lost !== undefined) {
        const reason = this.#lost;
        this.#lost = undefined;
        return { kind: 'lost', reason };
      }
      const change = this.#changes.shift();
      if (change !== undefined) return { kind: 'change', change };
      if (this.#due) {
        this.#due = false;
        return { kind: 'due' };
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#onDrained.splice(0).forEach((drained) => drained());
      });
      this.#wake = undefined;
    }
  }
}
