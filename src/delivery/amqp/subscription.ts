import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { UnavailableError } from '../../core/errors/errors.js';
import type { BusSubscription } from '../bus/bus.js';
import { endPatience, endsInTime, inTime } from '../bus/in-time.js';
import { DeliveryDispatcher } from '../bus/delivery-dispatcher.js';
import { untried, type HandlingFailure } from '../bus/handling-failure.js';
import { longestHold } from '../bus/retry-policy.js';
import { WorkUntilEnd } from '../bus/work-until-end.js';
import { Acknowledgements } from './acknowledgements.js';
import { topologyError } from './amqp-error.js';
import { unwrapped } from './encapsulated.js';
import { closeChannel } from './close-channel.js';
import { unreadableHeaders } from './received-properties.js';
import type { Identified, SubscriptionOptions } from './subscription-options.js';
import { whileOpen } from './while-open.js';

const firstDelay = 100;
const longestDelay = 5_000;

/**
 * One subscription: a channel and a consumer of its own, made again whenever they are lost — with the
 * connection, by a channel error, or because somebody deleted the queue.
 */
export class AmqpSubscription<M extends Identified> implements BusSubscription {
  readonly patterns: readonly string[];
  readonly pool: string | undefined;
  readonly #options: SubscriptionOptions<M>;
  readonly #dispatcher: DeliveryDispatcher<M>;
  readonly #label: string;
  readonly #work = new WorkUntilEnd();
  #channel: Channel | undefined;
  #acknowledgements: Acknowledgements | undefined;
  #consuming = false;
  #started = false;
  #resuming = false;
  #paused = false;
  #letGoTimer: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  #stopListening: (() => void) | undefined;
  #ended = false;
  #ending: Promise<void> | undefined;

  constructor(options: SubscriptionOptions<M>) {
    const { source, settings, notify } = options;
    this.#options = options;
    this.patterns = [...source.patterns];
    this.pool = source.pool;
    this.#label = source.label;
    this.#dispatcher = new DeliveryDispatcher<M>({
      handler: options.handler,
      pool: source.pool,
      concurrency: settings.concurrency,
      retry: settings.retry,
      onRetry: ({ id, attempt }, delay, error) =>
        notify({ kind: 'retrying', subscription: this.#label, id, attempt, delay, error }),
    });
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Sets it up for the first time. Rejects with ConfigurationError or UnavailableError. */
  async start(): Promise<void> {
    const { connection, bus } = this.#options;
    const { connectTimeout, name } = bus;
    const model = await connection.ready();
    try {
      // A broker that has lost the leader of a queue does not answer until it has a new one.
      await inTime(this.#setUp(model), connectTimeout, () => {
        const message = `The broker of ${name} did not set up ${this.#label} within ${connectTimeout} ms. Retry later.`;
        return new UnavailableError('BUS_UNAVAILABLE', message, { parameters: { bus: name } });
      });
    } catch (error) {
      this.#ended = true;
      void this.#leave();
      throw error;
    }
    this.#started = true;
    this.#stopListening = connection.listen({
      up: () => this.#recover(),
      down: () => {},
      failed: () => {},
      refused: () => {},
    });
    // It may have been lost before anybody listened.
    if (this.#channel === undefined) this.#recover();
  }

  /**
   * Binds again what the exchange lost when it was deleted. A pool's queue is bound over the connection that
   * found the exchange missing: the consumer's own may be away, and what is published until it is back
   * would reach nobody. Never rejects.
   */
  async rebind(finder: ChannelModel): Promise<void> {
    const { connection, source } = this.#options;
    const model = this.pool === undefined ? connection.model : finder;
    if (this.#ended || model === undefined) return;
    await source.rebind(model).catch(() => undefined);
  }

  async pause(): Promise<void> {
    if (this.#ended) return;
    this.#paused = true;
    this.#letGoTimer ??= setTimeout(() => this.#letGo(), longestHold);
    await this.#dispatcher.pause();
  }

  resume(): void {
    if (this.#ended || !this.#paused) return;
    this.#paused = false;
    clearTimeout(this.#letGoTimer);
    this.#letGoTimer = undefined;
    this.#dispatcher.resume();
    if (this.#channel !== undefined && !this.#consuming) this.#restart();
  }

  async unsubscribe({ removePool = false }: { readonly removePool?: boolean } = {}): Promise<void> {
    this.#ending ??= this.#end();
    await this.#ending;
    if (!removePool || this.pool === undefined) return;
    const { connection, source } = this.#options;
    await source.remove(await connection.ready());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  async #end(): Promise<void> {
    this.#ended = true;
    this.#wake?.();
    this.#stopListening?.();
    clearTimeout(this.#letGoTimer);
    this.#work.end();
    await this.#dispatcher.stop();
    const channel = this.#channel;
    this.#channel = undefined;
    this.#acknowledgements?.flush();
    const left = async (): Promise<void> => {
      // Closing the channel, and not cancelling the consumer, gives all that was not handled back in one
      // step: a cancelled consumer's successor would get later messages before these.
      if (channel !== undefined) await closeChannel(channel);
      // It would go by itself, but some time after.
      await this.#leave();
    };
    // A broker that comes back would go on delivering to a channel that nobody reads.
    if (!(await endsInTime(left(), endPatience))) this.#options.connection.cut();
    this.#options.onEnd();
  }

  async #leave(): Promise<void> {
    const { connection, source } = this.#options;
    if (connection.model !== undefined) await source.leave(connection.model).catch(() => undefined);
  }

  /**
   * Gives back what a long pause holds, before the broker ends a consumer that keeps it too long, and
   * stays without a consumer until it is resumed.
   */
  #letGo(): void {
    if (this.#consuming) this.#restart();
  }

  /** Gives everything back that no handler has under way, and sets the consumer up again. */
  #restart(): void {
    const channel = this.#channel;
    this.#channel = undefined;
    this.#dispatcher.forget();
    this.#acknowledgements?.flush();
    if (channel !== undefined) void closeChannel(channel);
    this.#recover();
  }

  async #setUp(model: ChannelModel): Promise<void> {
    const queue = await this.#options.source.prepare(model);
    const { settings } = this.#options;
    let channel: Channel | undefined;
    try {
      channel = await whileOpen(model, this.#openChannel(model));
      await whileOpen(model, channel.prefetch(settings.prefetch));
      const acknowledgements = new Acknowledgements(channel);
      this.#channel = channel;
      this.#acknowledgements = acknowledgements;
      this.#consuming = !this.#paused;
      if (this.#consuming) {
        await whileOpen(model, this.#consume(channel, queue, acknowledgements));
      }
      if (!this.#ended) return;
      // It was ended while the broker took its time.
      this.#channel = undefined;
      void closeChannel(channel);
      await this.#leave();
    } catch (error) {
      // A connection that is over may answer late, when there is a channel of the next one.
      if (this.#channel === channel) this.#channel = undefined;
      throw topologyError(error, queue);
    }
  }

  async #openChannel(model: ChannelModel): Promise<Channel> {
    const channel = await model.createChannel();
    let reason = 'the channel closed';
    channel.on('error', (error) => {
      reason = error.message;
    });
    channel.on('close', () => this.#lost(channel, reason));
    return channel;
  }

  async #consume(
    channel: Channel,
    queue: string,
    acknowledgements: Acknowledgements,
  ): Promise<void> {
    await channel.consume(queue, (received) => {
      if (received !== null) {
        this.#deliver(acknowledgements, received);
        return;
      }
      this.#lost(channel, 'the broker cancelled the consumer: its queue was deleted or moved');
      void closeChannel(channel);
    });
  }

  #deliver(acknowledgements: Acknowledgements, delivered: ConsumeMessage): void {
    const { deadLetterExchange, read } = this.#options;
    const { deliveryTag, redelivered } = delivered.fields;
    const received = unwrapped(delivered, deadLetterExchange);
    const fault = unreadableHeaders(received.properties);
    this.#dispatcher.accept({
      message: read(received),
      redelivered,
      ...(fault === undefined ? {} : { failure: untried(`its headers ${fault}`) }),
      acknowledge: () => acknowledgements.settle(deliveryTag),
      giveUp: async (failure) => {
        const isKept = await this.#work.run(this.#giveUp(received, failure));
        if (isKept) acknowledgements.settle(deliveryTag);
        else acknowledgements.reject(deliveryTag);
      },
    });
  }

  /** Resolves with false when the broker is to dead-letter the message, as it refuses each form of ours. */
  async #giveUp(received: ConsumeMessage, failure: HandlingFailure): Promise<boolean> {
    const { notify, deadLetter, connection, source, read } = this.#options;
    const { id } = read(received);
    const told = { subscription: this.#label, id, reason: failure.reason };
    if (this.pool === undefined) {
      notify({ kind: 'dropped', ...told });
      return true;
    }
    // Published first and acknowledged then: a crash between leaves it in both places, never in none.
    let refused: Error | undefined;
    try {
      refused = await deadLetter(this.pool, received, failure, !source.deadLettersRejected);
      if (refused !== undefined && !source.deadLettersRejected) throw refused;
    } catch (error) {
      // Somebody may have deleted the dead-letter queue: it is there for the next try.
      const { model } = connection;
      if (model !== undefined) await source.prepare(model);
      throw error;
    }
    notify({ kind: 'deadLettered', ...told });
    return refused === undefined;
  }

  #lost(channel: Channel, reason: string): void {
    if (this.#channel !== channel || this.#ended) return;
    this.#channel = undefined;
    this.#dispatcher.forget();
    if (!this.#started) return;
    this.#options.notify({ kind: 'resubscribing', subscription: this.#label, reason });
    this.#recover();
  }

  #recover(): void {
    if (this.#resuming) return;
    this.#resuming = true;
    void this.#setUpAgain();
  }

  /** Tries as long as the connection lives; the next connection calls it again. */
  async #setUpAgain(): Promise<void> {
    const { connection, notify } = this.#options;
    // A channel learns that the connection has ended before the connection does.
    await Promise.resolve();
    for (let attempt = 0; !this.#ended && this.#channel === undefined; attempt += 1) {
      const { model } = connection;
      if (model === undefined) break;
      try {
        await this.#setUp(model);
        notify({ kind: 'resubscribed', subscription: this.#label });
        if (this.pool === undefined) this.#options.settings.onMissed();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        notify({ kind: 'resubscribing', subscription: this.#label, reason });
        await this.#wait(Math.min(longestDelay, firstDelay * 2 ** attempt));
      }
    }
    // Together with the last look at the channel: whoever loses it next begins anew.
    this.#resuming = false;
  }

  async #wait(delay: number): Promise<void> {
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
