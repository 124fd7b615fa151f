import type { ConsumeMessage } from 'amqplib';
import { UnavailableError } from '../../errors/errors.js';
import { assertRoutingKeyLength } from '../../events/routing-key.js';
import type { Format } from '../../formats/format.js';
import type {
  Bus,
  BusCapabilities,
  BusMessage,
  BusSubscription,
  DeadLetters,
  DeliveryHandler,
  Published,
  SubscribeOptions,
} from '../bus.js';
import type { HandlingFailure } from '../delivery-dispatcher.js';
import { notifier, type BusNoticeListener } from '../notice.js';
import { poolUnknown } from '../pool-unknown.js';
import { completeSubscribeOptions } from '../subscribe-settings.js';
import { AmqpConnection } from './connection.js';
import { AmqpDeadLetters } from './dead-letters.js';
import { completeRabbitmqOptions, type RabbitmqOptions, type RabbitmqSettings } from './options.js';
import { PoolPublisher } from './pool-publisher.js';
import { Publisher } from './publisher.js';
import { AmqpSubscription } from './subscription.js';
import { declareExchanges, topologyNames, type TopologyNames } from './topology.js';
import { deadLetterHeaders, readMessage } from './wire.js';

/**
 * A bus over RabbitMQ 3.10 to 4.x, by AMQP 0-9-1. Connects on `connect`, or with the first publish or
 * subscription, and keeps its connections, channels and queues up until closed. Throws
 * ConfigurationError CONFIG_VALUE_INVALID for options that cannot work.
 *
 * @example
 * await using bus = rabbitmq({ url: 'amqp://guest:guest@localhost' });
 * await bus.connect();
 */
export function rabbitmq(options: RabbitmqOptions): Bus {
  return new RabbitmqBus(completeRabbitmqOptions(options), notifier(options.on));
}

/** Milliseconds that closing waits for confirms of what was published before. */
const closePatience = 5_000;

class RabbitmqBus implements Bus {
  readonly name: string;
  readonly capabilities: BusCapabilities = {
    reportsUnroutable: true,
    deadLetters: true,
    durable: true,
    marksRedelivered: true,
    unitesPatterns: true,
    choosesOrder: true,
  };
  readonly deadLetters: DeadLetters;
  readonly format?: Format;
  readonly #settings: RabbitmqSettings;
  readonly #names: TopologyNames;
  readonly #notify: BusNoticeListener;
  // A broker that is short of memory stops reading from whoever publishes. On a connection of their
  // own, consumers go on acknowledging, which is what frees the memory.
  readonly #publishing: AmqpConnection;
  readonly #consuming: AmqpConnection;
  readonly #publisher: Publisher;
  readonly #poolPublisher: PoolPublisher;
  readonly #subscriptions = new Set<AmqpSubscription>();
  #closing: Promise<void> | undefined;

  constructor(settings: RabbitmqSettings, notify: BusNoticeListener) {
    this.name = settings.name;
    if (settings.format !== undefined) this.format = settings.format;
    this.#settings = settings;
    this.#names = topologyNames(settings);
    this.#notify = notify;
    this.#publishing = new AmqpConnection(settings, 'publisher', notify);
    this.#consuming = new AmqpConnection(settings, 'consumer', notify);
    this.#publisher = new Publisher({
      busName: settings.name,
      connection: this.#publishing,
      window: settings.publishWindow,
      timeout: settings.publishTimeout,
      notify,
      declare: async (model) => {
        await declareExchanges(model, this.#names, settings);
        await Promise.all([...this.#subscriptions].map((subscription) => subscription.rebind()));
      },
    });
    this.#poolPublisher = new PoolPublisher({
      connection: this.#publishing,
      names: this.#names,
      publish: (outgoing) => this.#publisher.publish(outgoing),
    });
    this.deadLetters = new AmqpDeadLetters({
      connection: this.#consuming,
      names: this.#names,
      publish: (outgoing) => this.#publisher.publish(outgoing),
    });
  }

  async connect(): Promise<void> {
    this.#assertOpen();
    const model = await this.#publishing.ready();
    await declareExchanges(model, this.#names, this.#settings);
  }

  async publish(message: BusMessage): Promise<Published> {
    this.#assertOpen();
    assertRoutingKeyLength(message.key);
    return this.#publisher.publish({
      exchange: this.#names.exchange,
      routingKey: message.key,
      message,
    });
  }

  async publishToPool(pool: string, message: BusMessage): Promise<void> {
    this.#assertOpen();
    assertRoutingKeyLength(message.key);
    if (!(await this.#poolPublisher.publish(pool, message))) throw poolUnknown(this.name, pool);
  }

  async subscribe(
    patterns: readonly string[],
    handler: DeliveryHandler,
    options: SubscribeOptions = {},
  ): Promise<BusSubscription> {
    this.#assertOpen();
    const subscription = new AmqpSubscription({
      connection: this.#consuming,
      names: this.#names,
      bus: this.#settings,
      patterns,
      handler,
      settings: completeSubscribeOptions(patterns, options),
      notify: this.#notify,
      deadLetter: (pool, received, failure) => this.#deadLetter(pool, received, failure),
      onEnd: () => this.#subscriptions.delete(subscription),
    });
    await subscription.start();
    this.#subscriptions.add(subscription);
    if (this.#closing !== undefined) await subscription.unsubscribe();
    return subscription;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.unsubscribe()));
    await this.#publisher.close(closePatience);
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
  }

  async #deadLetter(
    pool: string,
    received: ConsumeMessage,
    failure: HandlingFailure,
  ): Promise<void> {
    const names = this.#names;
    const message = readMessage(received, names.deadLetterExchange);
    const { routed } = await this.#publisher.publish({
      exchange: names.deadLetterExchange,
      routingKey: names.deadLetterKey(pool),
      message,
      headers: deadLetterHeaders(message.key, pool, failure, new Date().toISOString()),
    });
    if (routed) return;
    throw new UnavailableError(
      'BUS_UNAVAILABLE',
      `The dead-letter queue of the pool ${pool} is gone.`,
      { parameters: { pool } },
    );
  }

  #assertOpen(): void {
    if (this.#closing === undefined) return;
    throw new UnavailableError('CLOSED', `The bus ${this.name} is closed. Create a new one.`, {
      parameters: { bus: this.name },
    });
  }
}
