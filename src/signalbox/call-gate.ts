import { ClosedError } from '../core/errors/errors.js';

/**
 * Admits the calls of a Signalbox: all of them while it is open, none that begins something lasting once
 * it is closing, and none at all once it is closed.
 */
export class CallGate {
  readonly #onIdle: (() => void)[] = [];
  #calls = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';

  /** Throws ClosedError once it is closed. */
  assertOpen(): void {
    if (this.#state === 'closed') throw closed('closed');
  }

  /** Throws ClosedError from the beginning of `close()` on. */
  assertNotClosing(): void {
    if (this.#state !== 'open') throw closed(this.#state);
  }

  /** Begins a call, which `idle` waits for until it is disposed. Throws ClosedError once it is closed. */
  enter(): Disposable {
    this.assertOpen();
    this.#calls += 1;
    return {
      [Symbol.dispose]: () => {
        this.#calls -= 1;
        if (this.#calls === 0) this.#onIdle.splice(0).forEach((resolve) => resolve());
      },
    };
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    while (this.#calls > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  beginClosing(): void {
    this.#state = 'closing';
  }

  close(): void {
    this.#state = 'closed';
  }
}

function closed(state: 'closing' | 'closed'): ClosedError {
  return new ClosedError('CLOSED', `This Signalbox is ${state}. Create a new one.`);
}
