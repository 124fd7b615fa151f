import type { ChannelModel } from 'amqplib';
import type { AmqpConnection } from './connection.js';

interface RecoveryOptions {
  readonly connection: Pick<AmqpConnection, 'model'>;
  /** Whether there is something to set up. */
  readonly isNeeded: () => boolean;
  readonly setUp: (model: ChannelModel) => Promise<void>;
  readonly onBack: () => void;
  readonly onFailed: (reason: string) => void;
}

const firstDelay = 100;
const longestDelay = 5_000;

/** Sets a subscription up again, with growing delays, for as long as its connection lives. */
export class Recovery {
  readonly #options: RecoveryOptions;
  #underWay = false;
  #wake: (() => void) | undefined;
  #stopped = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Begins, unless it is under way. The next connection must call it again. */
  start(): void {
    if (this.#underWay || this.#stopped) return;
    this.#underWay = true;
    void this.#run();
  }

  /** Tries no more. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  async #run(): Promise<void> {
    const { connection, isNeeded, setUp, onBack, onFailed } = this.#options;
    // A channel learns that the connection has ended before the connection does.
    await Promise.resolve();
    for (let attempt = 0; !this.#stopped && isNeeded(); attempt += 1) {
      const { model } = connection;
      if (model === undefined) break;
      try {
        await setUp(model);
        onBack();
      } catch (error) {
        onFailed(error instanceof Error ? error.message : String(error));
        await this.#wait(Math.min(longestDelay, firstDelay * 2 ** attempt));
      }
    }
    // In one turn with the last look at what is needed: whoever loses it next begins again.
    this.#underWay = false;
  }

  async #wait(delay: number): Promise<void> {
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, delay);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
