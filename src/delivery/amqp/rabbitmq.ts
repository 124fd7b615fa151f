import { busTarget } from '../bus/bus-target.js';
import type { ChannelModel, ConsumeMessage } from 'amqplib';
import { ConfigurationError, UnavailableError } from '../../core/errors/errors.js';
import { assertRoutingKeyLength } from '../../core/events/routing-key.js';
import type { Format } from '../formats/format.js';
import { handleInSpan } from '../../context/span.js';
import { BusLife } from '../kit/bus-life.js';
import type {
  Bus,
  BusCapabilities,
  BusMessage,
  BusSubscription,
  DeadLetters,
  DeliveryHandler,
  Published,
  SubscribeOptions,
} from '../bus/bus.js';
import type { HandlingFailure } from '../bus/handling-failure.js';
import { messageSpan } from '../bus/messaging-spans.js';
import { notifier, type BusNoticeListener } from '../bus/notice.js';
import { poolUnknown } from '../bus/pool-unknown.js';
import { completeSubscribeOptions } from '../bus/subscribe-settings.js';
import { UnsettledPools } from '../bus/unsettled.js';
import { BegunMarks } from './begun-marks.js';
import { AmqpConnection } from './connection.js';
import type { ConsumerTimeout } from './consumer-timeout.js';
import { AmqpDeadLetters } from './dead-letters.js';
import { completeRabbitmqOptions, type RabbitmqOptions, type RabbitmqSettings } from './options.js';
import { PoolPublisher } from './pool-publisher.js';
import { PoolRemovals } from './pool-removals.js';
import { Publisher } from './publisher.js';
import {
  completeConsumerPoolOptions,
  joinedSource,
  type ConsumerPoolCallback,
  type ConsumerPoolOptions,
} from './consumer-pool.js';
import { bareDeadLetter, deadLetterForms } from './dead-letter-forms.js';
import { publishForms } from '../bus/publish-forms.js';
import { receive } from './joined-message.js';
import { ephemeralSource, poolSource } from './queue-source.js';
import type { Identified, SubscriptionOptions } from './subscription-options.js';
import { AmqpSubscription } from './subscription.js';
import { declareExchanges, topologyNames, type TopologyNames } from './topology.js';
import { readMessage } from './wire.js';

/** A bus on RabbitMQ, with the operations that only RabbitMQ has. */
export interface RabbitmqBus extends Bus {
  /**
   * Joins a pool that reads messages of anybody: exactly one member of a pool handles each message,
   * every pool gets it, and no other reader loses it. The callback gets the body, whatever JSON it is,
   * and the raw properties beside it. Other programs' exchanges and queues are used as they are, or
   * declared with their own settings; the pool's own queue and its dead letters are ours.
   *
   * The pool's full name, by which its dead letters are found, is `<pool>@<exchange>`, with several
   * exchanges `<pool>@<exchange>+<exchange>` in their alphabetical order, and for a given queue
   * `@<queue>`; it is the `pool` of what is returned. Unsubscribing leaves the pool, and with
   * `{ removePool: true }` removes it; a queue that was given stays its owner's.
   *
   * Rejects with ConfigurationError CONFIG_VALUE_INVALID (a name no broker takes), TOPOLOGY_CONFLICT
   * (it exists with other settings) or BUS_CREDENTIALS_REFUSED (not permitted), with RefusedError
   * FILTER_INVALID, and with UnavailableError TOPOLOGY_MISSING (a bare name is not there) or
   * BUS_UNAVAILABLE.
   *
   * @example
   * const member = await bus.joinConsumerPool(
   *   { pool: 'inventory', topic: 'notifications.info', exchange: osloExchange('nova') },
   *   async (body, { routingKey, headers, messageId, redelivered }) => {},
   * );
   */
  joinConsumerPool(
    options: ConsumerPoolOptions,
    callback: ConsumerPoolCallback,
  ): Promise<BusSubscription>;
}

/**
 * A bus over RabbitMQ 3.10 to 4.x, by AMQP 0-9-1. Connects on `connect`, or with the first publish or
 * subscription, and keeps its connections, channels and queues up until closed. Throws
 * ConfigurationError CONFIG_VALUE_INVALID for options that cannot work.
 *
 * @example
 * await using bus = rabbitmq({ url: 'amqp://guest:guest@localhost' });
 * await bus.connect();
 */
export function rabbitmq(options: RabbitmqOptions): RabbitmqBus {
  return new AmqpBus(completeRabbitmqOptions(options), notifier(options.on));
}

type Subscription = BusSubscription & {
  start(): Promise<void>;
  /** Binds again what the exchange lost when it was deleted. Never rejects. */
  rebind(model: ChannelModel): Promise<void>;
};

class AmqpBus implements RabbitmqBus {
  readonly name: string;
  readonly target: string;
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
  readonly #life: BusLife<Subscription>;
  readonly #removals = new PoolRemovals();
  readonly #unsettled = new UnsettledPools();
  readonly #timeout: ConsumerTimeout;

  constructor(settings: RabbitmqSettings, notify: BusNoticeListener) {
    this.name = settings.name;
    this.target = busTarget(
      'amqp',
      // The default TLS port and the default plain port belong to the same broker.
      settings.hosts.map(({ hostname: host, port }) => ({
        host,
        port: port === 5671 ? 5672 : port,
      })),
      [decodeURIComponent(settings.hosts[0]?.vhost ?? '') || '/', settings.exchange],
    );
    if (settings.format !== undefined) this.format = settings.format;
    this.#life = new BusLife(settings.name);
    this.#settings = settings;
    this.#names = topologyNames(settings);
    this.#notify = notify;
    this.#timeout = { current: settings.consumerTimeout || Infinity };
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
        await Promise.all(
          [...this.#life.subscriptions].map((subscription) => subscription.rebind(model)),
        );
      },
    });
    this.#poolPublisher = new PoolPublisher({
      connection: this.#publishing,
      names: this.#names,
      publish: (outgoing) => this.#publisher.publish(outgoing),
    });
    this.deadLetters = new AmqpDeadLetters({
      busName: settings.name,
      connection: this.#consuming,
      names: this.#names,
      publish: (outgoing) => this.#publisher.publish(outgoing),
    });
  }

  async connect(): Promise<void> {
    this.#life.assertOpen();
    const model = await this.#publishing.ready();
    await declareExchanges(model, this.#names, this.#settings);
  }

  // Not async: each promise between the caller and the confirm is paid for by every event.
  publish(message: BusMessage): Promise<Published> {
    try {
      this.#life.assertOpen();
      assertRoutingKeyLength(message.key);
    } catch (error) {
      return Promise.reject(error as Error);
    }
    const { exchange } = this.#names;
    return this.#publisher.publish({ exchange, routingKey: message.key, message });
  }

  async publishToPool(pool: string, message: BusMessage): Promise<void> {
    this.#life.assertOpen();
    assertRoutingKeyLength(message.key);
    if (!(await this.#poolPublisher.publish(pool, message))) throw poolUnknown(this.name, pool);
  }

  async hasPool(pool: string): Promise<boolean> {
    this.#life.assertOpen();
    return this.#poolPublisher.find(pool);
  }

  async subscribe(
    patterns: readonly string[],
    handler: DeliveryHandler,
    options: SubscribeOptions = {},
  ): Promise<BusSubscription> {
    this.#life.assertOpen();
    const settings = completeSubscribeOptions(patterns, options, this.#notify);
    const { pool, order } = settings;
    if (pool !== undefined) assertPlainPool(pool);
    const place = { names: this.#names, bus: this.#settings, patterns };
    return this.#start({
      source: pool === undefined ? ephemeralSource(place) : poolSource({ ...place, pool, order }),
      settings,
      read: (received) => readMessage(received, this.#names.deadLetterExchange),
      handler,
    });
  }

  async joinConsumerPool(
    options: ConsumerPoolOptions,
    callback: ConsumerPoolCallback,
  ): Promise<BusSubscription> {
    this.#life.assertOpen();
    const settings = completeConsumerPoolOptions(options, this.#settings);
    return this.#start({
      source: joinedSource(settings, this.#names, this.#settings),
      settings: settings.handling,
      read: (received) => receive(received, settings, this.#names.deadLetterExchange),
      handler: ({ body, message, attempt, redelivered, pool }, signal) => {
        const { messageId: id, routingKey: key, exchange: destination, bytes, headers } = message;
        const { traceparent } = headers;
        return handleInSpan(
          () => messageSpan(this, { id, key, destination, size: bytes.byteLength, pool, attempt }),
          typeof traceparent === 'string' ? traceparent : undefined,
          () =>
            callback(
              body(),
              { ...message, attempt, redelivered, ...(pool === undefined ? {} : { pool }) },
              signal,
            ),
        );
      },
    });
  }

  close(): Promise<void> {
    return this.#life.close(() => this.#end());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    // On a connection that is mute nothing is closed politely.
    if (!(await this.#publisher.close())) this.#publishing.cut();
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
  }

  async #start<M extends Identified>(
    parts: Pick<SubscriptionOptions<M>, 'source' | 'settings' | 'read' | 'handler'>,
  ): Promise<BusSubscription> {
    const { pool } = parts.source;
    const subscription = new AmqpSubscription<M>({
      ...parts,
      removals: this.#removals,
      timeout: this.#timeout,
      unsettled: this.#unsettled.of(pool),
      marks:
        pool === undefined
          ? undefined
          : new BegunMarks({
              connection: this.#consuming,
              names: this.#names,
              pool,
              limit: this.#settings.deliveryLimit,
              publish: (outgoing) => this.#publisher.publish(outgoing),
            }),
      connection: this.#consuming,
      bus: this.#settings,
      notify: this.#notify,
      deadLetter: (pool, received, failure, isLastResort) =>
        this.#deadLetter(pool, received, failure, isLastResort),
      deadLetterExchange: this.#names.deadLetterExchange,
      onEnd: () => this.#life.ended(subscription),
    });
    return this.#life.start(subscription);
  }

  async #deadLetter(
    pool: string,
    received: ConsumeMessage,
    failure: HandlingFailure,
    isLastResort: boolean,
  ): Promise<Error | undefined> {
    const names = this.#names;
    const way = {
      exchange: names.deadLetterExchange,
      routingKey: names.deadLetterKey(pool),
      pool,
    };
    const forms = deadLetterForms(received, failure, way);
    const published = await publishForms(
      (outgoing) => this.#publisher.publish(outgoing),
      isLastResort ? [...forms, () => bareDeadLetter(received, failure, way)] : forms,
    );
    if ('refused' in published) return published.refused;
    if (published.routed) return undefined;
    throw new UnavailableError(
      'BUS_UNAVAILABLE',
      `The dead-letter queue of the pool ${pool} is gone.`,
      { parameters: { pool } },
    );
  }
}

/** A name with an `@` is the full name of a pool that `joinConsumerPool` made. */
function assertPlainPool(pool: string): void {
  if (!pool.includes('@') && !/\p{Surrogate}/u.test(pool)) return;
  throw new ConfigurationError(
    'CONFIG_VALUE_INVALID',
    `pool has no @, which stands between a pool and another's exchange, and no half characters; got "${pool}".`,
    { parameters: { key: 'pool', value: pool } },
  );
}
