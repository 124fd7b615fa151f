import { messageOf } from '../../core/errors/to-error.js';
import type { ChannelModel } from 'amqplib';
import { backoff } from '../kit/backoff.js';
import { WakeableSleep } from '../kit/wakeable-sleep.js';
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
  readonly #sleep = new WakeableSleep();
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
    this.#sleep.wake();
  }

  async #run(): Promise<void> {
    const { connection, isNeeded, setUp, onBack, onFailed } = this.#options;
    // A channel learns that the connection has ended before the connection does.
    await Promise.resolve();
    const delays = backoff(firstDelay, longestDelay);
    while (!this.#stopped && isNeeded()) {
      const { model } = connection;
      if (model === undefined) break;
      try {
        await setUp(model);
        onBack();
      } catch (error) {
        onFailed(messageOf(error));
        if (!this.#stopped) await this.#sleep.sleep(delays.next());
      }
    }
    // In one turn with the last look at what is needed: whoever loses it next begins again.
    this.#underWay = false;
  }
}
