import { AsyncResource } from 'node:async_hooks';
import { ClosedError } from '../../core/errors/errors.js';
import type { BusMessage, BusSubscription, DeliveryHandler } from '../bus/bus.js';
import { deadLetterCause } from '../bus/dead-letter-cause.js';
import { DeliveryDispatcher } from '../bus/delivery-dispatcher.js';
import type { HandlingFailure } from '../bus/handling-failure.js';
import { oversized } from '../bus/max-incoming.js';
import { memberName } from '../bus/member-name.js';
import type { BusNoticeListener } from '../bus/notice.js';
import type { SubscribeSettings } from '../bus/subscribe-settings.js';
import type { MemoryDeadLetters } from './memory-dead-letters.js';
import type { MemoryQueue, QueueConsumer, QueuedMessage } from './memory-queue.js';

/** One subscription of the in-process bus: a consumer of a pool's queue, or of a queue of its own. */
export class MemorySubscription implements BusSubscription {
  readonly patterns: readonly string[];
  readonly pool: string | undefined;
  readonly #queue: MemoryQueue;
  readonly #consumer: QueueConsumer;
  readonly #dispatcher: DeliveryDispatcher;
  readonly #deadLetters: MemoryDeadLetters;
  readonly #notify: BusNoticeListener;
  readonly #label: string;
  readonly #maxIncoming: number;
  readonly #onEnd: (removeQueue: boolean) => void;
  #paused = false;
  #ending: Promise<void> | undefined;

  constructor(options: {
    readonly queue: MemoryQueue;
    readonly patterns: readonly string[];
    readonly handler: DeliveryHandler;
    readonly settings: SubscribeSettings;
    readonly deadLetters: MemoryDeadLetters;
    readonly notify: BusNoticeListener;
    readonly onEnd: (removeQueue: boolean) => void;
  }) {
    const { queue, settings, notify } = options;
    this.patterns = [...options.patterns];
    this.pool = settings.pool;
    this.#label = settings.pool ?? `ephemeral ${options.patterns.join(' ')}`;
    this.#queue = queue;
    this.#maxIncoming = settings.maxIncoming;
    this.#deadLetters = options.deadLetters;
    this.#notify = notify;
    this.#onEnd = options.onEnd;
    this.#dispatcher = new DeliveryDispatcher<BusMessage>({
      // Not in the context of whoever publishes: its transaction and its actor are none of the handler's.
      handler: AsyncResource.bind(options.handler),
      pool: settings.pool,
      concurrency: settings.concurrency,
      retry: settings.retry,
      notify,
      label: this.#label,
    });
    this.#consumer = {
      prefetch: settings.prefetch,
      deliver: (queued) => this.#deliver(queued),
    };
    queue.addConsumer(this.#consumer);
  }

  get paused(): boolean {
    return this.#paused;
  }

  async pause(): Promise<void> {
    this.#paused = true;
    await this.#dispatcher.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#dispatcher.resume();
  }

  async caughtUp(): Promise<void> {
    if (this.#ending !== undefined) {
      throw new ClosedError('CLOSED', `The subscription ${this.#label} has ended.`);
    }
    await this.#queue.empty();
  }

  async unsubscribe({ removePool = false }: { readonly removePool?: boolean } = {}): Promise<void> {
    this.#ending ??= this.#end();
    await this.#ending;
    this.#onEnd(removePool || this.pool === undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  async #end(): Promise<void> {
    await this.#dispatcher.stop();
    this.#queue.removeConsumer(this.#consumer);
  }

  #deliver(queued: QueuedMessage): void {
    const acknowledge = (): void => this.#queue.acknowledge(this.#consumer, queued);
    const failure = oversized(queued.message.body.byteLength, this.#maxIncoming);
    this.#dispatcher.accept({
      message: queued.message,
      ...(failure === undefined ? {} : { failure }),
      redelivered: queued.redelivered,
      // The queue takes back only what a leaving member had, and no handler of it is under way then.
      identity: () => String(queued.position),
      mayBeKnown: queued.redelivered,
      acknowledge,
      giveUp: async (failure) => {
        this.#giveUp(queued, failure);
        acknowledge();
      },
    });
  }

  #giveUp({ message }: QueuedMessage, { reason, attempts, error }: HandlingFailure): void {
    const { id } = message;
    if (this.pool === undefined) {
      this.#notify({ kind: 'dropped', subscription: this.#label, id, reason });
      return;
    }
    const time = new Date().toISOString();
    this.#deadLetters.add({
      message,
      pool: this.pool,
      reason,
      attempts,
      time,
      error: deadLetterCause(error),
      origin: { member: memberName },
    });
    this.#notify({ kind: 'deadLettered', subscription: this.#label, id, reason });
  }
}
