import type { OutboxDepth, OutboxStore } from '../../core/stores/outbox-store.js';
import { Wakeup } from '../kit/wakeup.js';

/** Options of an outbox monitor. */
export interface OutboxMonitorOptions {
  readonly outbox: OutboxStore;
  /** Milliseconds between measurements. */
  readonly interval: number;
  /** The age in milliseconds that begins an episode. */
  readonly bound: number;
  readonly onDepth: (depth: OutboxDepth) => void;
  /** Called once for each episode. */
  readonly onLagging: (depth: OutboxDepth) => void;
  /** Called in an episode until it answers true: whether the alert is announced. */
  readonly announce: (depth: OutboxDepth) => Promise<boolean>;
  readonly onCaughtUp: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** Measures the outbox from time to time, and tells when its age passes the bound. */
export class OutboxMonitor {
  readonly #options: OutboxMonitorOptions;
  readonly #wakeup = new Wakeup();
  #lagging = false;
  #announced = false;
  #ended = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: OutboxMonitorOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#wakeup.set();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      try {
        await this.#measure();
      } catch (error) {
        this.#options.onFailure(error);
      }
      await this.#wakeup.wait(this.#options.interval);
    }
  }

  async #measure(): Promise<void> {
    const { outbox, bound, onDepth, onLagging, onCaughtUp, announce } = this.#options;
    const depth = await outbox.depth();
    onDepth(depth);
    const lagging = depth.oldestAge > bound;
    if (lagging && !this.#lagging) onLagging(depth);
    if (!lagging && this.#lagging) onCaughtUp();
    this.#lagging = lagging;
    this.#announced = lagging && (this.#announced || (await announce(depth)));
  }
}
