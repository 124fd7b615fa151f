import type { Channel, ChannelModel } from 'amqplib';
import { ConfigurationError } from '../../errors/errors.js';
import { utf8Length } from '../../json/plain-json.js';
import { topologyError } from './amqp-error.js';
import type { RabbitmqSettings } from './options.js';

/** The names of everything a bus declares; see `docs/rabbitmq-topology.md`. */
export interface TopologyNames {
  readonly exchange: string;
  /** A direct exchange: to the dead letters of a pool, and back into the pool. */
  readonly deadLetterExchange: string;
  /** Exchange and queue for messages that nobody wants. */
  readonly unroutable: string;
  poolQueue(pool: string): string;
  deadLetterQueue(pool: string): string;
  /** Routing key on the dead-letter exchange. */
  deadLetterKey(pool: string): string;
  /** Routing key on the dead-letter exchange. */
  redriveKey(pool: string): string;
  ephemeralQueue(id: string): string;
}

/**
 * Pure. No two pools, and no two exchanges, share a name: an exchange's name has no slash, and a pool's
 * name is percent-encoded.
 */
export function topologyNames({ exchange, queuePrefix }: RabbitmqSettings): TopologyNames {
  const name = (kind: string, rest: string): string => {
    const full = `${queuePrefix}${exchange}/${kind}/${encodeURIComponent(rest)}`;
    if (utf8Length(full) <= 255) return full;
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `The queue name ${full} exceeds 255 bytes.`,
      {
        parameters: { key: 'pool', value: rest },
      },
    );
  };
  return {
    exchange,
    deadLetterExchange: `${queuePrefix}${exchange}/dead-letters`,
    unroutable: `${queuePrefix}${exchange}/unroutable`,
    poolQueue: (pool) => name('pool', pool),
    deadLetterQueue: (pool) => name('dead', pool),
    deadLetterKey: (pool) => `dead.${encodeURIComponent(pool)}`,
    redriveKey: (pool) => `redrive.${encodeURIComponent(pool)}`,
    ephemeralQueue: (id) => name('ephemeral', id),
  };
}

/** Declares the exchanges. Safe to call again. Rejects with what `topologyError` says. */
export async function declareExchanges(
  model: ChannelModel,
  names: TopologyNames,
  { unroutable }: RabbitmqSettings,
): Promise<void> {
  const alternateExchange =
    unroutable === 'report'
      ? undefined
      : unroutable === 'keep'
        ? names.unroutable
        : unroutable.alternateExchange;
  if (unroutable === 'keep') {
    await withChannel(model, names.unroutable, async (channel) => {
      await channel.assertExchange(names.unroutable, 'fanout', { durable: true });
      await channel.assertQueue(names.unroutable, keptQueue);
      await channel.bindQueue(names.unroutable, names.unroutable, '');
    });
  }
  await withChannel(model, names.exchange, async (channel) => {
    await channel.assertExchange(names.exchange, 'topic', {
      durable: true,
      ...(alternateExchange === undefined ? {} : { alternateExchange }),
    });
  });
}

/** Declares a pool's queue, its dead-letter queue and the ways between. Safe to call again. */
export async function declarePool(
  model: ChannelModel,
  names: TopologyNames,
  {
    pool,
    order,
    deliveryLimit,
  }: {
    readonly pool: string;
    readonly order: 'pool' | 'member';
    readonly deliveryLimit: number;
  },
): Promise<void> {
  const queue = names.poolQueue(pool);
  const dead = names.deadLetterQueue(pool);
  await withChannel(model, queue, async (channel) => {
    await channel.assertExchange(names.deadLetterExchange, 'direct', { durable: true });
    await channel.assertQueue(dead, keptQueue);
    await channel.bindQueue(dead, names.deadLetterExchange, names.deadLetterKey(pool));
    await channel.assertQueue(queue, {
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-delivery-limit': deliveryLimit,
        'x-dead-letter-exchange': names.deadLetterExchange,
        'x-dead-letter-routing-key': names.deadLetterKey(pool),
        // A dead letter stays in the pool's queue until the dead-letter queue has confirmed it.
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
        ...(order === 'pool' ? { 'x-single-active-consumer': true } : {}),
      },
    });
    await channel.bindQueue(queue, names.deadLetterExchange, names.redriveKey(pool));
  });
}

/**
 * A queue that keeps what it has. Reading dead letters hands them out and takes them back, which counts
 * towards the delivery limit (20 unless said otherwise since RabbitMQ 4.0); -1 would turn the limit off
 * there, but 3.x refuses it. A limit nobody reaches works on all.
 */
const keptQueue = {
  durable: true,
  arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000_000 },
};

/** Binds a queue to the topic exchange by each pattern. Safe to call again. */
export async function bindPatterns(
  model: ChannelModel,
  names: TopologyNames,
  queue: string,
  patterns: readonly string[],
): Promise<void> {
  await withChannel(model, names.exchange, async (channel) => {
    await Promise.all(patterns.map((pattern) => channel.bindQueue(queue, names.exchange, pattern)));
  });
}

/**
 * Runs `work` on a channel of its own: what the broker refuses closes a channel, and must not close
 * one that others use. Rejects with what `topologyError` says.
 *
 * @param what the exchange or queue that is worked on, for the message
 */
export async function withChannel<T>(
  model: ChannelModel,
  what: string,
  work: (channel: Channel) => Promise<T>,
): Promise<T> {
  try {
    const channel = await model.createChannel();
    // The rejected call says the same; an 'error' event without a listener would end the process.
    channel.on('error', () => {});
    let closed = false;
    channel.on('close', () => {
      closed = true;
    });
    try {
      return await work(channel);
    } finally {
      if (!closed) await channel.close().catch(() => undefined);
    }
  } catch (error) {
    throw topologyError(error, what);
  }
}
