import type { ChannelModel } from 'amqplib';
import { AmqpConnection } from '../../delivery/amqp/connection.js';
import { osloExchange, osloQueue, type OsloSettings } from '../../delivery/amqp/declarations.js';
import { completeRabbitmqOptions, type RabbitmqOptions } from '../../delivery/amqp/options.js';
import { Publisher } from '../../delivery/amqp/publisher.js';
import { bindPatterns, declareExchange, declareQueue } from '../../delivery/amqp/topology.js';
import { notifier as noticeListener } from '../../delivery/bus/notice.js';
import { UnavailableError } from '../../core/errors/errors.js';
import {
  notificationKey,
  osloContentType,
  writeEnvelope,
} from '../../delivery/formats/oslo/envelope.js';
import {
  priorityOf,
  type Notification,
  type NotificationContext,
} from '../../delivery/formats/oslo/notification.js';
import type { NotificationDriver } from './driver.js';

/** Where notifications go on RabbitMQ, and what is declared there. */
export interface MessagingDriverOptions
  extends
    OsloSettings,
    Pick<
      RabbitmqOptions,
      'url' | 'tls' | 'heartbeat' | 'connectTimeout' | 'publishTimeout' | 'on'
    > {
  /** The control exchange: `nova`, `cinder`; default `openstack`, as oslo.messaging's. */
  readonly exchange?: string;
  /** One message for each; default `['notifications']`. Pools make a second topic needless. */
  readonly topics?: readonly string[];
  /**
   * `queues` (default): exchange and `notifications.info` are declared as oslo.messaging does, so that
   * what nobody reads yet is kept. It then fills up until a listener without a pool reads it. `nothing`:
   * the exchange must be there, and only queues that others have bound get the notifications.
   */
  readonly declare?: 'queues' | 'nothing';
}

/**
 * Notifications over RabbitMQ as oslo.messaging's driver `messagingv2` sends them, one queue for each
 * priority. Connects with the first notification, and resolves with the broker's confirm.
 *
 * What is declared has the settings of a peer that nobody configured: no peer of these settings is ever
 * refused because of it. Say `durable`, `autoDelete` or `quorum` where your OpenStack does.
 *
 * @example
 * const driver = messagingDriver({ url: 'amqp://guest:guest@localhost', exchange: 'nova' });
 */
export function messagingDriver(options: MessagingDriverOptions): NotificationDriver {
  return new MessagingDriver(options);
}

class MessagingDriver implements NotificationDriver {
  readonly name = 'messaging';
  readonly #options: MessagingDriverOptions;
  readonly #exchange: string;
  readonly #topics: readonly string[];
  readonly #connection: AmqpConnection;
  readonly #publisher: Publisher;
  /** The keys in use, each with the declaration of its queue. */
  readonly #keys = new Map<string, Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(options: MessagingDriverOptions) {
    const { url, tls, heartbeat, connectTimeout, publishTimeout, on, topics, exchange } = options;
    this.#options = options;
    this.#topics = topics ?? ['notifications'];
    this.#exchange = exchange ?? 'openstack';
    const settings = completeRabbitmqOptions({
      url,
      name: 'notifications',
      exchange: osloExchange(this.#exchange, options),
      ...(tls === undefined ? {} : { tls }),
      ...(heartbeat === undefined ? {} : { heartbeat }),
      ...(connectTimeout === undefined ? {} : { connectTimeout }),
      ...(publishTimeout === undefined ? {} : { publishTimeout }),
    });
    const notify = noticeListener(on);
    this.#connection = new AmqpConnection(settings, 'notifier', notify);
    this.#publisher = new Publisher({
      busName: settings.name,
      connection: this.#connection,
      window: settings.publishWindow,
      timeout: settings.publishTimeout,
      notify,
      declare: (model) => this.#declareAll(model),
    });
  }

  async notify(notification: Notification, context: NotificationContext): Promise<void> {
    const priority = priorityOf(notification.priority) ?? 'info';
    const body = writeEnvelope(notification, context);
    // One after another: the broker tells what nobody wants by the id, which all of them share.
    for (const topic of this.#topics) {
      await this.#send(notificationKey(topic, priority), notification.message_id, body);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (!(await this.#publisher.close())) this.#connection.cut();
    await this.#connection.close();
  }

  async #send(key: string, id: string, body: Uint8Array): Promise<void> {
    const message = { key, id, contentType: osloContentType, headers: {}, body };
    const outgoing = { exchange: this.#exchange, routingKey: key, message };
    await this.#queueFor(key);
    const { routed } = await this.#publisher.publish(outgoing);
    if (routed || this.#options.declare === 'nothing') return;
    // Somebody deleted the queue. Peers of oslo.messaging would never know.
    this.#keys.delete(key);
    await this.#queueFor(key);
    if ((await this.#publisher.publish(outgoing)).routed) return;
    throw new UnavailableError('BUS_UNAVAILABLE', `The queue ${key} is gone again. Retry later.`, {
      parameters: { queue: key },
    });
  }

  #queueFor(key: string): Promise<void> {
    let declared = this.#keys.get(key);
    if (declared === undefined) {
      declared = this.#declareNow(key).catch((error: unknown) => {
        this.#keys.delete(key);
        throw error;
      });
      this.#keys.set(key, declared);
    }
    return declared;
  }

  /** Without a connection the publisher declares every key in use as soon as it has one. */
  async #declareNow(key: string): Promise<void> {
    const { model } = this.#connection;
    if (model === undefined) return;
    await this.#declare(model, [key]);
  }

  #declareAll(model: ChannelModel): Promise<void> {
    return this.#declare(model, [...this.#keys.keys()]);
  }

  async #declare(model: ChannelModel, keys: readonly string[]): Promise<void> {
    if (this.#options.declare === 'nothing') return;
    await declareExchange(model, osloExchange(this.#exchange, this.#options));
    for (const key of keys) {
      await declareQueue(model, osloQueue(key, this.#options));
      await bindPatterns(model, this.#exchange, key, [key]);
    }
  }
}
