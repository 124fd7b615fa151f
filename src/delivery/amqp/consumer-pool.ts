import type { ChannelModel } from 'amqplib';
import { ConfigurationError } from '../../core/errors/errors.js';
import { parseJson } from '../../core/json/parse-json.js';
import type { SubscribeOptions } from '../bus/bus.js';
import { defaultMaxParsed } from '../bus/max-incoming.js';
import { completeSubscribeOptions, type SubscribeSettings } from '../bus/subscribe-settings.js';
import {
  assertExchange,
  assertName,
  assertQueue,
  type RabbitmqExchange,
  type RabbitmqQueue,
} from './declarations.js';
import type { RabbitmqSettings } from './options.js';
import type { PoolDelivery, PoolMessage } from './pool-message.js';
import type { QueueSource } from './queue-source.js';
import {
  bindPatterns,
  bindRedrive,
  declareDeadLetters,
  declareExchange,
  declareExchanges,
  declarePool,
  declareQueue,
  joinedPool,
  removeDeadLetters,
  removePool,
  unbindRedrive,
  type TopologyNames,
} from './topology.js';

/** Options of a consumer pool: its name, its sources and its handling. */
export interface ConsumerPoolOptions extends Pick<
  SubscribeOptions,
  'prefetch' | 'concurrency' | 'maxIncoming' | 'retry'
> {
  /** Name of the pool, 1 to 100 bytes. Exactly one member of a pool handles each message. */
  readonly pool: string;
  /**
   * Routing keys to bind: `notifications.info`, or a pattern of AMQP such as `*.ActionEvent.#`; one or
   * several. None at all for a `queue` that its owner has bound.
   */
  readonly topic: string | readonly string[];
  /**
   * Exchanges to bind to; default the bus's own. Each name is another pool, and so is each set of names. A
   * bare name is somebody else's and is never declared: it must be there. One with its owner's settings,
   * such as `osloExchange('nova')`, is declared with these, so that the pool can be made before its owner
   * starts. Prefer that for exchanges which do not survive a restart.
   */
  readonly exchange?: string | RabbitmqExchange | readonly (string | RabbitmqExchange)[];
  /**
   * Queue to consume; default a quorum queue of our own, named after pool and exchange, with a delivery
   * limit and dead letters. Give one to be a member together with other programs, such as
   * `osloQueue('inventory')`: then whoever gives the same queue is in the same pool. A bare name must be
   * there. The broker does not dead-letter from a queue that its owner did not make so.
   */
  readonly queue?: string | RabbitmqQueue;
  /**
   * `member` (default): members share the work. `pool`: one is active and the others stand by, for
   * handlers that need order over the whole pool. Members must agree. Without meaning for a `queue`.
   */
  readonly order?: 'pool' | 'member';
  /**
   * Returns the key that order is kept by, such as the resource's uuid; messages of one key are handled
   * one after another. Default `partitionKey` of messages of our own, and none for others. What it throws
   * is why the message is dead-lettered.
   */
  readonly partitionKey?: (body: unknown, message: PoolMessage) => string | undefined;
  /**
   * Turns the bytes into the body. Default JSON in UTF-8, whatever the content type says; what is no
   * JSON (`NaN` is none), or holds a whole number that JavaScript would round, is dead-lettered. What
   * it throws is why.
   */
  readonly decode?: (message: PoolMessage) => unknown;
}

/**
 * Handles one message of a pool: its body, whatever JSON it is, and its raw properties. Returning
 * acknowledges; throwing tries again, then dead-letters; see `DeliveryHandler`.
 */
export type ConsumerPoolCallback<Body = unknown> = (
  body: Body,
  message: PoolDelivery,
  signal: AbortSignal,
) => void | Promise<void>;

/** The options with their defaults. */
export interface ConsumerPoolSettings {
  /** The full name, by which its dead letters are found. */
  readonly pool: string;
  readonly topics: readonly string[];
  readonly exchanges: readonly (string | RabbitmqExchange)[];
  readonly queue: string | RabbitmqQueue | undefined;
  readonly handling: SubscribeSettings;
  readonly partitionKey: ConsumerPoolOptions['partitionKey'];
  readonly decode: (message: PoolMessage) => unknown;
}

/**
 * Pure. Throws ConfigurationError CONFIG_VALUE_INVALID for what no broker could take, and RefusedError
 * FILTER_INVALID for a topic that matches nothing.
 */
export function completeConsumerPoolOptions(
  options: ConsumerPoolOptions,
  bus: RabbitmqSettings,
): ConsumerPoolSettings {
  const { pool, queue, prefetch, concurrency, retry, order = 'member' } = options;
  const { maxIncoming = defaultMaxParsed } = options;
  const topics = typeof options.topic === 'string' ? [options.topic] : [...options.topic];
  const given = options.exchange ?? bus.exchange;
  const exchanges = Array.isArray(given) ? [...(given as readonly string[])] : [given as string];
  assertName(pool, 'pool');
  if (exchanges.length === 0) throw invalid('exchange', 'is one exchange or several');
  for (const exchange of exchanges) assertExchange(exchange, 'exchange');
  if (queue !== undefined) assertQueue(queue, 'queue');
  for (const topic of topics) if (topic !== '') assertName(topic, 'topic');
  if (topics.length === 0 && queue === undefined) {
    throw invalid('topic', 'is empty only for a queue that is bound already');
  }
  const handling = completeSubscribeOptions(
    topics.length === 0 ? ['#'] : topics,
    {
      pool,
      order,
      maxIncoming,
      ...(prefetch === undefined ? {} : { prefetch }),
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(retry === undefined ? {} : { retry }),
    },
    // A pool misses nothing, so that there is nothing to tell.
    () => {},
  );
  return {
    pool: queue === undefined ? joinedPool(pool, exchanges.map(nameOf)) : `@${nameOf(queue)}`,
    topics,
    exchanges,
    queue,
    handling,
    partitionKey: options.partitionKey,
    decode: options.decode ?? (({ bytes }) => parseJson(bytes, 'the body')),
  };
}

/** Source of a consumer pool: its own queue or a given one, bound to any exchanges. */
export function joinedSource(
  { pool, topics, exchanges, queue, handling }: ConsumerPoolSettings,
  names: TopologyNames,
  bus: RabbitmqSettings,
): QueueSource {
  const name = names.poolQueue(pool);
  const isOwn = (exchange: string | RabbitmqExchange): boolean => exchange === bus.exchange;
  const bind = async (
    model: ChannelModel,
    wanted: (exchange: string | RabbitmqExchange) => boolean,
  ): Promise<void> => {
    // An exchange that is not there is found missing here: binding says so, and needs no permission
    // to configure it, as a passive declaration does since RabbitMQ 4.3.
    for (const exchange of exchanges.filter(wanted)) {
      await bindPatterns(model, nameOf(exchange), name, topics);
    }
  };
  return {
    label: pool,
    pool,
    patterns: topics,
    deadLettersRejected: queue === undefined,
    async prepare(model) {
      for (const exchange of exchanges) {
        if (isOwn(exchange)) await declareExchanges(model, names, bus);
        else if (typeof exchange !== 'string') await declareExchange(model, exchange);
      }
      if (queue === undefined) {
        const { order } = handling;
        await declarePool(model, names, { pool, order });
      } else {
        if (typeof queue !== 'string') await declareQueue(model, queue);
        await declareDeadLetters(model, names, pool);
        await bindRedrive(model, names, pool);
      }
      await bind(model, () => true);
      return name;
    },
    rebind: (model) => bind(model, isOwn),
    leave: async () => {},
    async remove(model) {
      if (queue === undefined) await removePool(model, names, pool);
      // A queue that was given by its name is its owner's to delete.
      else {
        await unbindRedrive(model, names, pool);
        await removeDeadLetters(model, names, pool);
      }
    },
  };
}

function nameOf(declared: string | { readonly name: string }): string {
  return typeof declared === 'string' ? declared : declared.name;
}

function invalid(key: string, problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `joinConsumerPool: ${key} ${problem}.`, {
    parameters: { key },
  });
}
