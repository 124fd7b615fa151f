import type { DataSource } from 'typeorm';
import { ClosedError } from '../core/errors/errors.js';

/**
 * Admits the calls of a Signalbox: all of them while it is open, none that begins something lasting once
 * it is closing, and none at all once it is closed.
 */
export class CallGate {
  readonly #onIdle: (() => void)[] = [];
  readonly #dataSource: Pick<DataSource, 'isInitialized'>;
  #calls = 0;
  #state: 'open' | 'closing' | 'closed' = 'open';

  constructor(dataSource: Pick<DataSource, 'isInitialized'>) {
    this.#dataSource = dataSource;
  }

  /** Throws ClosedError once it is closed, and while its DataSource is destroyed. */
  assertOpen(): void {
    if (this.#state === 'closed') throw closed('closed');
    this.#assertConnected();
  }

  /** Throws ClosedError from the beginning of `close()` on, and while its DataSource is destroyed. */
  assertNotClosing(): void {
    if (this.#state !== 'open') throw closed(this.#state);
    this.#assertConnected();
  }

  #assertConnected(): void {
    if (this.#dataSource.isInitialized) return;
    throw new ClosedError(
      'DATASOURCE_CLOSED',
      'The DataSource of this Signalbox was destroyed. Call dataSource.initialize() again, or close this Signalbox before the DataSource and create a new one.',
    );
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
