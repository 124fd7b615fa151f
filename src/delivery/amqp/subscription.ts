import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import { UnavailableError } from '../../core/errors/errors.js';
import type { BusSubscription } from '../bus/bus.js';
import { endPatience, endsInTime, inTime } from '../kit/in-time.js';
import { DeliveryDispatcher } from '../bus/delivery-dispatcher.js';
import { settledClaim } from '../bus/unsettled.js';
import { WorkUntilEnd } from '../bus/work-until-end.js';
import { Acknowledgements } from './acknowledgements.js';
import { topologyError } from './amqp-error.js';
import { closeChannel } from './close-channel.js';
import { fittingPrefetch, isWorthGrowing, longestWait, timeoutIn } from './consumer-timeout.js';
import { comesToRest, DeliveryAges } from './delivery-ages.js';
import { receivedDelivery } from './received-delivery.js';
import { Recovery } from './recovery.js';
import { whileOpen } from './while-open.js';
import type { Identified, SubscriptionOptions } from './subscription-options.js';

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
  readonly #ages: DeliveryAges<M>;
  readonly #recovery: Recovery;
  #channel: Channel | undefined;
  /** The channel on which what waits for too long is being given back. */
  #givingBack: Channel | undefined;
  #acknowledgements: Acknowledgements | undefined;
  #consuming = false;
  /** Of the consumer that there is, or was last. */
  #prefetch = Infinity;
  #started = false;
  #paused = false;
  #letGoTimer: NodeJS.Timeout | undefined;
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
      notify,
      label: this.#label,
      unsettled: options.unsettled,
    });
    this.#recovery = new Recovery({
      connection: options.connection,
      isNeeded: () => !this.#ended && this.#channel === undefined,
      setUp: (model) => this.#setUp(model),
      onBack: () => {
        notify({ kind: 'resubscribed', subscription: this.#label });
        if (this.pool === undefined) settings.onMissed();
      },
      onFailed: (reason) => notify({ kind: 'resubscribing', subscription: this.#label, reason }),
    });
    this.#ages = new DeliveryAges<M>({
      timeout: options.timeout,
      dispatcher: this.#dispatcher,
      onOld: () => void this.#giveBack(),
      onLook: () => this.#growPrefetch(),
      onNear: ({ id }, age, timeout) =>
        notify({ kind: 'handlerNearTimeout', subscription: this.#label, id, age, timeout }),
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
    this.#ages.start();
    this.#stopListening = connection.listen({
      up: () => this.#recovery.start(),
      down: () => {},
      failed: () => {},
      refused: () => {},
    });
    // It may have been lost before anybody listened: then there is something to set up.
    this.#recovery.start();
  }

  /**
   * Binds again what the exchange lost when it was deleted. A pool's queue is bound over the connection
   * that found it missing: what is published until the consumer's own is back would reach nobody. Never rejects.
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
    const { current } = this.#options.timeout;
    if (current < Infinity) {
      // The broker ends a consumer that keeps deliveries too long. One is made again at the end of the pause.
      this.#letGoTimer ??= setTimeout(() => {
        if (this.#consuming) void this.#restart();
      }, longestWait(current));
    }
    await this.#dispatcher.pause();
  }

  resume(): void {
    if (this.#ended || !this.#paused) return;
    this.#paused = false;
    clearTimeout(this.#letGoTimer);
    this.#letGoTimer = undefined;
    this.#dispatcher.resume();
    if (this.#channel !== undefined && !this.#consuming) void this.#restart();
  }

  async unsubscribe({ removePool = false }: { readonly removePool?: boolean } = {}): Promise<void> {
    this.#ending ??= this.#end();
    await this.#ending;
    if (!removePool || this.pool === undefined) return;
    const { connection, source, removals } = this.#options;
    await removals.remove(this.pool, async () => source.remove(await connection.ready()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe();
  }

  async #end(): Promise<void> {
    this.#ended = true;
    this.#recovery.stop();
    this.#stopListening?.();
    clearTimeout(this.#letGoTimer);
    this.#work.end();
    this.#ages.stop();
    await this.#dispatcher.stop();
    const channel = this.#channel;
    this.#channel = undefined;
    this.#acknowledgements?.flush();
    const left = async (): Promise<void> => {
      // Closing the channel, and not cancelling the consumer, gives all that was not handled back in one
      // step: a cancelled consumer's successor would get later messages before these.
      if (channel !== undefined) await closeChannel(channel);
      await this.#options.marks?.close();
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
   * Gives back what has waited for too long, in order: all at once, and after the handlers under way, so
   * that nobody else gets what they have.
   */
  async #giveBack(): Promise<void> {
    const channel = this.#channel;
    if (channel === undefined || this.#givingBack === channel || this.#paused) return;
    this.#givingBack = channel;
    const rests = await comesToRest(this.#dispatcher, this.#options.timeout.current);
    if (this.#ended) return;
    if (rests && this.#channel === channel) await this.#restart();
    if (!this.#paused) this.#dispatcher.resume();
  }

  /** The prefetch of a consumer stays as it is for its life: a larger one needs another consumer. */
  #growPrefetch(): void {
    if (isWorthGrowing(this.#prefetch, this.#pace)) void this.#giveBack();
  }

  get #pace(): Parameters<typeof fittingPrefetch>[0] {
    const { settings, timeout } = this.#options;
    const { duration } = this.#dispatcher;
    return { ...settings, duration, timeout: timeout.current };
  }

  /** Gives everything back that no handler has under way, and sets the consumer up again. */
  async #restart(): Promise<void> {
    const channel = this.#channel;
    this.#channel = undefined;
    this.#acknowledgements?.flush();
    this.#forgetAll();
    // What it had is at its place in the queue before the next consumer gets anything.
    if (channel !== undefined) await endsInTime(closeChannel(channel), endPatience);
    this.#recovery.start();
  }

  async #setUp(model: ChannelModel): Promise<void> {
    const queue = await this.#declare(model);
    let channel: Channel | undefined;
    try {
      channel = await whileOpen(model, this.#openChannel(model));
      const prefetch = fittingPrefetch(this.#pace);
      this.#prefetch = prefetch;
      await whileOpen(model, channel.prefetch(prefetch));
      const acknowledgements = new Acknowledgements(channel, prefetch);
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

  /** Makes what is consumed from, and resolves with the name of the queue. */
  #declare(model: ChannelModel): Promise<string> {
    const { source, removals } = this.#options;
    if (source.pool === undefined) return source.prepare(model);
    return removals.declare(source.pool, async () => {
      // The pool may be removed once this member has left.
      if (this.#ended) throw new Error('the subscription has ended');
      return source.prepare(model);
    });
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

  #deliver(acknowledgements: Acknowledgements, received: ConsumeMessage): void {
    const options = this.#options;
    const declare = async (): Promise<void> => {
      const { model } = options.connection;
      if (model !== undefined) await this.#declare(model);
    };
    const parts = { acknowledgements, options, declare, work: this.#work };
    this.#dispatcher.accept(receivedDelivery(received, parts));
  }

  #lost(channel: Channel, reason: string): void {
    if (this.#channel !== channel || this.#ended) return;
    this.#channel = undefined;
    this.#ages.learn(timeoutIn(reason));
    this.#forgetAll();
    if (!this.#started) return;
    this.#options.notify({ kind: 'resubscribing', subscription: this.#label, reason });
    this.#recovery.start();
  }

  /** A handled message may be delivered again when its acknowledgement was lost. */
  #forgetAll(): void {
    for (const done of this.#acknowledgements?.lost() ?? []) {
      this.#options.unsettled.leave(done.identity(), settledClaim({ kind: 'handled' }));
    }
    this.#dispatcher.forget();
  }
}
