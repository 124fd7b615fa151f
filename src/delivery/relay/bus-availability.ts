import type { Backoff } from '../kit/backoff.js';

/** Whether a bus answers, and when it is tried again. */
export class BusAvailability {
  readonly #backoff: Backoff;
  readonly #onAway: (error: Error, retryIn: number) => void;
  readonly #onAnswer: () => void;
  readonly #onRetry: () => void;
  #pause: NodeJS.Timeout | undefined;
  #probing = false;

  constructor(options: {
    readonly backoff: Backoff;
    /** It failed, and is left alone so long. */
    readonly onAway: (error: Error, retryIn: number) => void;
    /** It answers after it had failed. */
    readonly onAnswer: () => void;
    /** It may be tried again. */
    readonly onRetry: () => void;
  }) {
    this.#backoff = options.backoff;
    this.#onAway = options.onAway;
    this.#onAnswer = options.onAnswer;
    this.#onRetry = options.onRetry;
  }

  /** True while the bus is given time to come back. */
  get paused(): boolean {
    return this.#pause !== undefined;
  }

  /** After a pause, one event tries whether the bus is back before the others follow. */
  get probing(): boolean {
    return this.#probing;
  }

  failed(error: Error): void {
    if (this.#pause !== undefined) return;
    const retryIn = Math.round(this.#backoff.next());
    this.#probing = true;
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#onRetry();
    }, retryIn);
    this.#onAway(error, retryIn);
  }

  answered(): void {
    if (!this.#probing) return;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.#probing = false;
    this.#backoff.reset();
    this.#onAnswer();
  }

  /** Tries no more. */
  end(): void {
    clearTimeout(this.#pause);
  }
}
