import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import { UnavailableError } from '../../errors/errors.js';
import type { BusSubscription, DeliveryHandler } from '../bus.js';
import { DeliveryDispatcher, type HandlingFailure } from '../delivery-dispatcher.js';
import type { BusNoticeListener } from '../notice.js';
import type { SubscribeSettings } from '../subscribe-settings.js';
import { topologyError } from './amqp-error.js';
import type { AmqpConnection } from './connection.js';
import type { RabbitmqSettings } from './options.js';
import {
  bindPatterns,
  declareExchanges,
  declarePool,
  withChannel,
  type TopologyNames,
} from './topology.js';
import { readMessage } from './wire.js';

export interface SubscriptionOptions {
  readonly connection: AmqpConnection;
  readonly names: TopologyNames;
  readonly bus: RabbitmqSettings;
  readonly patterns: readonly string[];
  readonly handler: DeliveryHandler;
  readonly settings: SubscribeSettings;
  readonly notify: BusNoticeListener;
  /** Publishes to the dead letters of the pool; resolves when they have the message. */
  readonly deadLetter: (
    pool: string,
    received: ConsumeMessage,
    failure: HandlingFailure,
  ) => Promise<void>;
  readonly onEnd: () => void;
}

const firstDelay = 100;
const longestDelay = 5_000;

/**
 * One subscription: a channel and a consumer of its own, made again whenever they are lost — with the
 * connection, by a channel error, or because somebody deleted the queue.
 */
export class AmqpSubscription implements BusSubscription {
  readonly patterns: readonly string[];
  readonly pool: string | undefined;
  readonly #options: SubscriptionOptions;
  readonly #dispatcher: DeliveryDispatcher;
  readonly #label: string;
  #queue = '';
  #channel: Channel | undefined;
  #started = false;
  #resuming = false;
  #wake: (() => void) | undefined;
  #stopListening: (() => void) | undefined;
  #ended = false;
  #ending: Promise<void> | undefined;

  constructor(options: SubscriptionOptions) {
    const { settings, patterns, notify } = options;
    this.#options = options;
    this.patterns = [...patterns];
    this.pool = settings.pool;
    this.#label = settings.pool ?? `ephemeral ${patterns.slice(0, 5).join(' ')}`;
    this.#dispatcher = new DeliveryDispatcher({
      handler: options.handler,
      pool: settings.pool,
      concurrency: settings.concurrency,
      retry: settings.retry,
      onRetry: ({ id, attempt }, delay, error) =>
        notify({ kind: 'retrying', subscription: this.#label, id, attempt, delay, error }),
    });
  }

  /** Sets it up for the first time. Rejects with ConfigurationError or UnavailableError. */
  async start(): Promise<void> {
    const { connection } = this.#options;
    const model = await connection.ready();
    try {
      await this.#inTime(this.#setUp(model));
    } catch (error) {
      this.#ended = true;
      void this.#deleteEphemeralQueue();
      throw error;
    }
    this.#started = true;
    this.#stopListening = connection.listen({
      up: () => this.#resume(),
      down: () => {},
      refused: () => {},
    });
    // It may have been lost before anybody listened.
    if (this.#channel === undefined) this.#resume();
  }

  /** Binds again what the exchange lost when it was deleted. Never rejects. */
  async rebind(): Promise<void> {
    const { connection, names } = this.#options;
    if (this.#channel === undefined || connection.model === undefined) return;
    await bindPatterns(connection.model, names, this.#queue, this.patterns).catch(() => undefined);
  }

  async unsubscribe({ removePool = false }: { readonly removePool?: boolean } = {}): Promise<void> {
    this.#ending ??= this.#end();
    await this.#ending;
    if (removePool && this.pool !== undefined) await this.#removePool(this.pool);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  async #end(): Promise<void> {
    this.#ended = true;
    this.#wake?.();
    this.#stopListening?.();
    await this.#dispatcher.stop();
    const channel = this.#channel;
    this.#channel = undefined;
    // Closing the channel, and not cancelling the consumer, gives all that was not handled back in one
    // step: a cancelled consumer's successor would get later messages before these.
    await channel?.close().catch(() => undefined);
    // It would go by itself, but some time after.
    await this.#deleteEphemeralQueue();
    this.#options.onEnd();
  }

  async #deleteEphemeralQueue(): Promise<void> {
    const { model } = this.#options.connection;
    const queue = this.#queue;
    if (this.pool !== undefined || model === undefined || queue === '') return;
    await withChannel(model, queue, (channel) => channel.deleteQueue(queue)).catch(() => undefined);
  }

  async #removePool(pool: string): Promise<void> {
    const { connection, names } = this.#options;
    const dead = names.deadLetterQueue(pool);
    const model = await connection.ready();
    await withChannel(model, names.poolQueue(pool), async (channel) => {
      await channel.deleteQueue(names.poolQueue(pool));
      // Dead letters outlive their pool. Quorum queues know no "delete if empty".
      const { messageCount } = await channel.checkQueue(dead);
      if (messageCount === 0) await channel.deleteQueue(dead);
    });
  }

  async #setUp(model: ChannelModel): Promise<void> {
    const { names, bus, settings, patterns } = this.#options;
    await declareExchanges(model, names, bus);
    if (settings.pool === undefined) {
      // A new name each time: the broker may still hold the old queue for a connection it has not missed.
      const queue = names.ephemeralQueue(uuidv7());
      await withChannel(model, queue, (channel) =>
        channel.assertQueue(queue, { durable: false, exclusive: true, autoDelete: true }),
      );
      this.#queue = queue;
    } else {
      await this.#declarePool(model, settings.pool);
      this.#queue = names.poolQueue(settings.pool);
    }
    await bindPatterns(model, names, this.#queue, patterns);
    await this.#consume(model);
  }

  #declarePool(model: ChannelModel, pool: string): Promise<void> {
    const { names, bus, settings } = this.#options;
    const { order } = settings;
    return declarePool(model, names, { pool, order, deliveryLimit: bus.deliveryLimit });
  }

  async #consume(model: ChannelModel): Promise<void> {
    const { settings } = this.#options;
    try {
      const channel = await model.createChannel();
      let reason = 'the channel closed';
      channel.on('error', (error) => {
        reason = error.message;
      });
      channel.on('close', () => this.#lost(channel, reason));
      await channel.prefetch(settings.prefetch);
      this.#channel = channel;
      await channel.consume(this.#queue, (received) => {
        if (received !== null) {
          this.#deliver(channel, received);
          return;
        }
        this.#lost(channel, 'the broker cancelled the consumer: its queue was deleted or moved');
        channel.close().catch(() => undefined);
      });
      if (!this.#ended) return;
      // It was ended while the broker took its time.
      this.#channel = undefined;
      await channel.close();
      await this.#deleteEphemeralQueue();
    } catch (error) {
      this.#channel = undefined;
      throw topologyError(error, this.#queue);
    }
  }

  #deliver(channel: Channel, received: ConsumeMessage): void {
    const acknowledge = (): void => {
      try {
        channel.ack(received);
      } catch {
        // A delivery of a channel that is gone is the broker's again; it will come back.
      }
    };
    this.#dispatcher.accept({
      message: readMessage(received, this.#options.names.deadLetterExchange),
      redelivered: received.fields.redelivered,
      acknowledge,
      giveUp: async (failure) => {
        await this.#giveUp(received, failure);
        acknowledge();
      },
    });
  }

  async #giveUp(received: ConsumeMessage, failure: HandlingFailure): Promise<void> {
    const { notify, deadLetter, connection } = this.#options;
    const id = String(received.properties.messageId ?? '');
    const told = { subscription: this.#label, id, reason: failure.reason };
    if (this.pool === undefined) {
      notify({ kind: 'dropped', ...told });
      return;
    }
    // Published first and acknowledged then: a crash between leaves it in both places, never in none.
    try {
      await deadLetter(this.pool, received, failure);
    } catch (error) {
      // Somebody may have deleted the dead-letter queue: it is there for the next try.
      const { model } = connection;
      if (model !== undefined) await this.#declarePool(model, this.pool);
      throw error;
    }
    notify({ kind: 'deadLettered', ...told });
  }

  #lost(channel: Channel, reason: string): void {
    if (this.#channel !== channel || this.#ended) return;
    this.#channel = undefined;
    this.#dispatcher.forget();
    if (!this.#started) return;
    this.#options.notify({ kind: 'resubscribing', subscription: this.#label, reason });
    this.#resume();
  }

  #resume(): void {
    if (this.#resuming) return;
    this.#resuming = true;
    void this.#setUpAgain().finally(() => {
      this.#resuming = false;
    });
  }

  /** A broker that has lost the leader of a queue does not answer until it has a new one. */
  async #inTime(work: Promise<void>): Promise<void> {
    const { connectTimeout, name } = this.#options.bus;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const message = `The broker of ${name} did not set up ${this.#label} within ${connectTimeout} ms. Retry later.`;
        reject(new UnavailableError('BUS_UNAVAILABLE', message, { parameters: { bus: name } }));
      }, connectTimeout);
    });
    try {
      await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Tries as long as the connection lives; the next connection calls it again. */
  async #setUpAgain(): Promise<void> {
    const { connection, notify } = this.#options;
    // A channel learns that the connection has ended before the connection does.
    await Promise.resolve();
    for (let attempt = 0; !this.#ended && this.#channel === undefined; attempt += 1) {
      const { model } = connection;
      if (model === undefined) return;
      try {
        await this.#setUp(model);
        notify({ kind: 'resubscribed', subscription: this.#label });
        this.#tellMissed();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        notify({ kind: 'resubscribing', subscription: this.#label, reason });
        await this.#pause(Math.min(longestDelay, firstDelay * 2 ** attempt));
      }
    }
  }

  #tellMissed(): void {
    if (this.pool !== undefined) return;
    try {
      this.#options.settings.onMissed?.();
    } catch {
      // A listener that fails must not stop deliveries.
    }
  }

  async #pause(delay: number): Promise<void> {
    if (this.#ended) return;
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
