import { busTarget, hostAndPort } from '../bus/bus-target.js';
import { v7 as uuidv7 } from 'uuid';
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
import { memberName } from '../bus/member-name.js';
import { notifier, type BusNoticeListener } from '../bus/notice.js';
import { poolUnknown } from '../bus/pool-unknown.js';
import { completeSubscribeOptions } from '../bus/subscribe-settings.js';
import { UnsettledPools } from '../bus/unsettled.js';
import { BegunMarks } from './begun-marks.js';
import { NatsConnector } from './connection.js';
import { poolExists } from './consumers.js';
import { NatsDeadLetters } from './dead-letters.js';
import { natsNames, type NatsNames } from './names.js';
import { completeNatsOptions, type NatsOptions, type NatsSettings } from './options.js';
import { NatsPublisher } from './publisher.js';
import { declareStreams } from './streams.js';
import { subjectOf } from './subject.js';
import { NatsSubscription } from './subscription.js';

/**
 * A bus over NATS JetStream, 2.9 and later. Connects on `connect`, or with the first publish or
 * subscription, and keeps its connection up until closed. Throws ConfigurationError CONFIG_VALUE_INVALID
 * for options that cannot work.
 *
 * @example
 * await using bus = nats({ url: 'nats://127.0.0.1:4222', stream: 'cloud' });
 * await bus.connect();
 */
export function nats(options: NatsOptions): Bus {
  return new NatsBus(completeNatsOptions(options), notifier(options.on));
}

class NatsBus implements Bus {
  readonly name: string;
  readonly target: string;
  readonly capabilities: BusCapabilities = {
    reportsUnroutable: false,
    deadLetters: true,
    durable: true,
    // Servers do not always count what a leaving member gave back.
    marksRedelivered: false,
    unitesPatterns: false,
    choosesOrder: true,
  };
  readonly deadLetters: NatsDeadLetters;
  readonly format?: Format;
  readonly #settings: NatsSettings;
  readonly #names: NatsNames;
  readonly #notify: BusNoticeListener;
  readonly #connector: NatsConnector;
  readonly #publisher: NatsPublisher;
  readonly #life: BusLife<NatsSubscription>;
  readonly #unsettled = new UnsettledPools();
  #publishing = 0;
  #idle: (() => void)[] = [];

  constructor(settings: NatsSettings, notify: BusNoticeListener) {
    const names = natsNames(settings.stream);
    this.name = settings.name;
    this.target = busTarget('nats', settings.servers.map(hostAndPort(4222)), [settings.stream]);
    if (settings.format !== undefined) this.format = settings.format;
    this.#life = new BusLife(settings.name);
    this.#settings = settings;
    this.#names = names;
    this.#notify = notify;
    this.#connector = new NatsConnector(settings, notify);
    const connector = this.#connector;
    this.#publisher = new NatsPublisher({ connector, names, settings, notify });
    this.deadLetters = new NatsDeadLetters({
      connector,
      names,
      publisher: this.#publisher,
      publishToPool: (pool, message) => this.publishToPool(pool, message),
      publishTimeout: settings.publishTimeout,
    });
  }

  async connect(): Promise<void> {
    this.#life.assertOpen();
    const { manager } = await this.#connector.ready();
    await declareStreams(manager, this.#names, this.#settings);
  }

  async publish(message: BusMessage): Promise<Published> {
    this.#life.assertOpen();
    assertRoutingKeyLength(message.key);
    const subject = subjectOf(this.#names.keyPrefix, message.key);
    await this.#counted(this.#publisher.publish({ subject, message, once: true }));
    // Whatever is published is kept, whoever wants it.
    return { routed: true };
  }

  async publishToPool(pool: string, message: BusMessage): Promise<void> {
    this.#life.assertOpen();
    assertRoutingKeyLength(message.key);
    if (!(await this.hasPool(pool))) throw poolUnknown(this.name, pool);
    const subject = subjectOf(this.#names.poolPrefix(pool), message.key);
    await this.#counted(this.#publisher.publish({ subject, message, once: false }));
  }

  async hasPool(pool: string): Promise<boolean> {
    this.#life.assertOpen();
    const { manager } = await this.#connector.ready();
    return poolExists(manager, this.#names, pool);
  }

  async subscribe(
    patterns: readonly string[],
    handler: DeliveryHandler,
    options: SubscribeOptions = {},
  ): Promise<BusSubscription> {
    this.#life.assertOpen();
    const settings = completeSubscribeOptions(patterns, options, this.#notify);
    const { pool } = settings;
    const connector = this.#connector;
    const subscription = new NatsSubscription({
      connector,
      names: this.#names,
      bus: this.#settings,
      patterns,
      handler,
      settings,
      unsettled: this.#unsettled.of(pool),
      marks:
        pool === undefined
          ? undefined
          : new BegunMarks({
              connector,
              names: this.#names,
              limit: this.#settings.deliveryLimit,
            }),
      member: `${memberName}:${uuidv7()}`,
      notify: this.#notify,
      deadLetter: (pool, message, failure) => this.deadLetters.add(pool, message, failure),
      onNumber: (sequence, id) => this.#publisher.noteDelivered(sequence, id),
      onEnd: () => this.#life.ended(subscription),
    });
    return this.#life.start(subscription);
  }

  close(): Promise<void> {
    return this.#life.close(() => this.#end());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    if (this.#publishing > 0) {
      // What was published before gets its confirm, if the server answers.
      const idle = new Promise<void>((resolve) => this.#idle.push(resolve));
      await endsInTime(idle, endPatience);
    }
    await this.#connector.close();
  }

  async #counted(publishing: Promise<unknown>): Promise<void> {
    this.#publishing += 1;
    try {
      await publishing;
    } finally {
      this.#publishing -= 1;
      if (this.#publishing === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }
}
