import { busTarget, hostAndPort } from '../bus/bus-target.js';
import { ConfigurationError } from '../../core/errors/errors.js';
import { assertRoutingKeyLength } from '../../core/events/routing-key.js';
import type { Format } from '../formats/format.js';
import { BusLife } from '../kit/bus-life.js';
import type {
  Bus,
  BusCapabilities,
  BusMessage,
  BusSubscription,
  DeliveryHandler,
  Published,
  SubscribeOptions,
} from '../bus/bus.js';
import { endPatience, endsInTime } from '../kit/in-time.js';
import { notifier, type BusNoticeListener } from '../bus/notice.js';
import { poolUnknown } from '../bus/pool-unknown.js';
import { completeSubscribeOptions } from '../bus/subscribe-settings.js';
import { UnsettledPools } from '../bus/unsettled.js';
import { KafkaDeadLetters } from './dead-letters.js';
import type { KafkaAdmin, KafkaDriver } from './driver.js';
import { isUnknownRequest, kafkaError } from './kafka-error.js';
import { kafkajsDriver } from './kafkajs-driver.js';
import { completeKafkaOptions, type KafkaOptions, type KafkaSettings } from './options.js';
import { KnownPools } from './known-pools.js';
import { KafkaPublisher } from './publisher.js';
import type { SessionSettings } from './session-options.js';
import { KafkaSubscription } from './subscription.js';
import { kafkaNames, type KafkaNames } from './topics.js';
import { toRecord } from './wire.js';

/**
 * A bus over Apache Kafka. Connects on `connect`, or with the first publish or subscription. Throws
 * ConfigurationError CONFIG_VALUE_INVALID for options that cannot work. Needs the package kafkajs.
 *
 * @example
 * await using bus = kafka({ brokers: 'localhost:9092', topic: 'signalbox' });
 * await bus.connect();
 */
export function kafka(options: KafkaOptions): Bus {
  return new KafkaBus(completeKafkaOptions(options), notifier(options.on));
}

/** Milliseconds that a subscription may take to begin, at least. */
const leastStartTimeout = 60_000;

interface Client {
  readonly driver: KafkaDriver;
  readonly admin: KafkaAdmin;
}

class KafkaBus implements Bus {
  readonly name: string;
  readonly target: string;
  readonly capabilities: BusCapabilities = {
    reportsUnroutable: false,
    deadLetters: true,
    durable: true,
    marksRedelivered: false,
    unitesPatterns: false,
    choosesOrder: false,
  };
  readonly format: Format;
  readonly deadLetters: KafkaDeadLetters;
  readonly #settings: KafkaSettings;
  readonly #names: KafkaNames;
  readonly #notify: BusNoticeListener;
  readonly #publisher: KafkaPublisher;
  readonly #life: BusLife<KafkaSubscription>;
  readonly #pools: KnownPools;
  readonly #unsettled = new UnsettledPools();
  #client: Promise<Client> | undefined;

  constructor(settings: KafkaSettings, notify: BusNoticeListener) {
    this.name = settings.name;
    this.target = busTarget('kafka', settings.client.brokers.map(hostAndPort(9092)), [
      settings.topic,
    ]);
    this.format = settings.format;
    this.#life = new BusLife(settings.name);
    this.#settings = settings;
    this.#names = kafkaNames(settings.topic);
    this.#notify = notify;
    this.#publisher = new KafkaPublisher({
      busName: settings.name,
      driver: async () => (await this.#connected()).driver,
      batchCount: settings.batchCount,
      batchBytes: settings.batchBytes,
      timeout: settings.publishTimeout,
      notify,
    });
    this.#pools = new KnownPools((pool) => this.#findPool(pool));
    this.deadLetters = new KafkaDeadLetters({
      names: this.#names,
      publish: (outgoing) => this.#publisher.publish(outgoing),
      publishToPool: (pool, message) => this.publishToPool(pool, message),
      session: () => this.#session(),
      publishTimeout: settings.publishTimeout,
    });
  }

  async connect(): Promise<void> {
    this.#life.assertOpen();
    await this.#topicsExist([this.#names.topic]);
  }

  async publish(message: BusMessage): Promise<Published> {
    this.#life.assertOpen();
    assertRoutingKeyLength(message.key);
    await this.#publishTo(this.#names.topic, message);
    // A log takes everything, and does not know who will read it.
    return { routed: true };
  }

  async publishToPool(pool: string, message: BusMessage): Promise<void> {
    this.#life.assertOpen();
    assertRoutingKeyLength(message.key);
    if (!(await this.hasPool(pool))) throw poolUnknown(this.name, pool);
    await this.#publishTo(this.#names.poolTopic(pool), message);
  }

  async hasPool(pool: string): Promise<boolean> {
    this.#life.assertOpen();
    return this.#pools.has(pool).catch((error: unknown) => {
      throw kafkaError(error, `look for the pool ${pool}`);
    });
  }

  async subscribe(
    patterns: readonly string[],
    handler: DeliveryHandler,
    options: SubscribeOptions = {},
  ): Promise<BusSubscription> {
    this.#life.assertOpen();
    const names = this.#names;
    const settings = completeSubscribeOptions(patterns, options, this.#notify);
    const { pool } = settings;
    await this.#topicsExist(
      pool === undefined
        ? [names.topic]
        : [names.topic, names.poolTopic(pool), names.deadLetterTopic(pool)],
    );
    const subscription = new KafkaSubscription({
      names,
      patterns,
      handler,
      settings,
      notify: this.#notify,
      unsettled: this.#unsettled.of(pool),
      session: await this.#session(),
      deadLetter: (of, message, failure) => this.deadLetters.add(of, message, failure),
      deliveryLimit: this.#settings.deliveryLimit,
      removePool: (of) => this.#removePool(of),
      onEnd: () => this.#life.ended(subscription),
    });
    // Joining a group takes seconds, for which the end does not wait.
    return this.#life.start(subscription, { endsWhileStarting: true });
  }

  close(): Promise<void> {
    return this.#life.close(() => this.#end());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    const client = this.#client;
    const disconnected = async (): Promise<void> => (await client)?.admin.disconnect();
    await Promise.all([
      this.deadLetters.close(),
      this.#publisher.close(),
      endsInTime(disconnected(), endPatience),
    ]);
    // What the client has not given up by itself goes on trying otherwise.
    void client?.then(
      ({ driver }) => driver.end?.(),
      () => undefined,
    );
  }

  #publishTo(topic: string, message: BusMessage): Promise<void> {
    const { id, key } = message;
    return this.#publisher.publish({ topic, record: toRecord(message), id, key });
  }

  #connected(): Promise<Client> {
    this.#client ??= this.#connect();
    return this.#client;
  }

  async #connect(): Promise<Client> {
    const { client, driver: make = kafkajsDriver } = this.#settings;
    try {
      const driver = await make(client);
      const admin = driver.admin();
      await admin.connect();
      return { driver, admin };
    } catch (error) {
      this.#client = undefined;
      throw kafkaError(error, `connect to ${client.brokers.join(', ')}`);
    }
  }

  async #session(): Promise<SessionSettings> {
    const { sessionTimeout, commitInterval } = this.#settings;
    return {
      ...(await this.#connected()),
      ephemeralGroup: (id) => this.#names.ephemeralGroup(id),
      sessionTimeout,
      commitInterval,
      // Joining waits for every member of the group to come back.
      startTimeout: Math.max(leastStartTimeout, sessionTimeout * 3),
    };
  }

  /** Asking for a topic makes it, where the cluster is configured to. */
  async #topicsExist(topics: string[]): Promise<void> {
    const { admin } = await this.#connected();
    try {
      await admin.fetchTopicMetadata({ topics });
    } catch (error) {
      throw kafkaError(error, `find the topics ${topics.join(', ')}`);
    }
  }

  /** A pool is there once a member has joined it, because joining makes its group remember offsets. */
  async #findPool(pool: string): Promise<boolean> {
    const { admin } = await this.#connected();
    const { topic } = this.#names;
    const groupId = this.#names.group(pool);
    const remembered = await admin.fetchOffsets({ groupId, topics: [topic] });
    return remembered.some(({ partitions }) =>
      partitions.some(({ offset }) => BigInt(offset) >= 0n),
    );
  }

  async #removePool(pool: string): Promise<void> {
    const { admin } = await this.#connected();
    this.#pools.forget(pool);
    try {
      await admin.deleteGroups([this.#names.group(pool)]);
    } catch (cause) {
      if (isUnknownRequest(cause)) {
        throw new ConfigurationError(
          'BUS_CANNOT',
          `The broker does not know how to delete a group, so the pool ${pool} stays. Kafka can from 1.1 on.`,
          { parameters: { bus: this.name, pool }, cause },
        );
      }
      throw kafkaError(cause, `remove the pool ${pool}`);
    }
  }
}
