import { retryDelay } from './retry-policy.js';

interface OutageOptions {
  /** Milliseconds before the first probe; each further one waits twice as long, up to `maxDelay`. */
  readonly delay: number;
  readonly maxDelay: number;
  /** Called when nothing but a probe is handed out any more. */
  readonly onPaused: (error: Error) => void;
  /** Called when a probe succeeded, or failed for its message's own sake. */
  readonly onResumed: () => void;
  /** Called when the next probe may begin. */
  readonly onProbe: () => void;
}

/** Failures in a row, with no success between, that make an outage. */
const failuresOfOutage = 3;
/** The longest that the end of an outage may go unnoticed, in milliseconds. */
const longestProbeDelay = 5_000;
/** A probe costs a handler's run. */
const leastProbeDelay = 100;

/**
 * Knows whether what handlers need is away: after several failures of that class in a row it lets one
 * handler at a time probe, with growing delays, until one gets through.
 */
export class Outage {
  readonly #options: OutageOptions;
  #failures = 0;
  #probes = 0;
  #passes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  get lasts(): boolean {
    return this.#failures >= failuresOfOutage;
  }

  /** How many more handlers may begin, while so many are running. */
  room(running: number, concurrency: number): number {
    if (!this.lasts) return concurrency - running;
    return this.#timer === undefined && running === 0 ? 1 : 0;
  }

  /** How many handlers got through, ever. */
  get passes(): number {
    return this.#passes;
  }

  /** Returns the milliseconds until the next probe, or undefined while there is no outage. */
  failed(error: Error): number | undefined {
    this.#failures += 1;
    if (!this.lasts) return undefined;
    if (this.#failures === failuresOfOutage) {
      this.#probes = 0;
      this.#options.onPaused(error);
    }
    const { onProbe } = this.#options;
    // Handlers that began before fail too, and are no probes.
    if (this.#timer === undefined) this.#probes += 1;
    const wait = this.#probeDelay();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      onProbe();
    }, wait);
    return wait;
  }

  #probeDelay(): number {
    const { delay, maxDelay } = this.#options;
    const longest = Math.min(longestProbeDelay, maxDelay);
    return Math.max(leastProbeDelay, retryDelay({ delay, maxDelay: longest }, this.#probes));
  }

  /** A handler succeeded, or failed for its message's own sake. */
  passed(): void {
    const lasted = this.lasts;
    this.#passes += 1;
    this.#failures = 0;
    this.stop();
    if (lasted) this.#options.onResumed();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
