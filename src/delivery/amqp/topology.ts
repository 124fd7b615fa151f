import { setTimeout as delay } from 'node:timers/promises';
import type { Channel, ChannelModel } from 'amqplib';
import { ConfigurationError } from '../../core/errors/errors.js';
import { utf8Length } from '../../core/json/plain-json.js';
import { replyCodeOf, topologyError } from './amqp-error.js';
import { closeChannel } from './close-channel.js';
import { answerPatience, whileOpen } from './while-open.js';
import type { RabbitmqExchange, RabbitmqQueue } from './declarations.js';
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
  /** Remembers that handlers of one message began. */
  begunQueue(hash: string): string;
  /** Routing key on the dead-letter exchange. */
  begunKey(hash: string): string;
}

/**
 * Pure. No two pools, and no two exchanges, share a name: an exchange's name has no slash, and a pool's
 * name is percent-encoded. The pool `@queue` stands for a queue that was given by its name.
 */
export function topologyNames({ exchange, queuePrefix }: RabbitmqSettings): TopologyNames {
  const name = (kind: string, rest: string): string => {
    const full = `${queuePrefix}${exchange}/${kind}/${encodePool(rest)}`;
    if (utf8Length(full) <= 255) return full;
    throw new ConfigurationError(
      'CONFIG_VALUE_INVALID',
      `The queue name ${full} exceeds the 255 bytes of AMQP. Shorten the pool's name, or give the queue one.`,
      { parameters: { key: 'pool', value: rest } },
    );
  };
  return {
    exchange,
    deadLetterExchange: `${queuePrefix}${exchange}/dead-letters`,
    unroutable: `${queuePrefix}${exchange}/unroutable`,
    poolQueue: (pool) => (pool.startsWith('@') ? pool.slice(1) : name('pool', pool)),
    deadLetterQueue: (pool) => name('dead', pool),
    deadLetterKey: (pool) => `dead.${encodePool(pool)}`,
    redriveKey: (pool) => `redrive.${encodePool(pool)}`,
    ephemeralQueue: (id) => name('ephemeral', id),
    begunQueue: (hash) => name('begun', hash),
    begunKey: (hash) => `begun.${hash}`,
  };
}

/**
 * Pure. The full name of a pool that reads from other exchanges: as long as the exchanges are the same,
 * so is the pool. No pool of `subscribe` can be called so, because it has no `@`.
 *
 * @example
 * joinedPool('inventory', ['nova', 'cinder']); // 'inventory@cinder+nova'
 */
export function joinedPool(pool: string, exchanges: readonly string[]): string {
  const sources = [...new Set(exchanges)].sort().map(encodeURIComponent);
  return `${encodeURIComponent(pool)}@${sources.join('+')}`;
}

function encodePool(pool: string): string {
  if (pool.startsWith('@')) return `@${encodeURIComponent(pool.slice(1))}`;
  // What `joinedPool` returned is encoded.
  return pool.includes('@') ? pool : encodeURIComponent(pool);
}

/** Declares the exchanges. Safe to call again. Rejects with what `topologyError` says. */
export async function declareExchanges(
  model: ChannelModel,
  names: TopologyNames,
  { unroutable, declaration }: RabbitmqSettings,
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
  await declareExchange(model, {
    ...declaration,
    ...(alternateExchange === undefined
      ? {}
      : { arguments: { 'alternate-exchange': alternateExchange } }),
  });
}

/** Declares an exchange with the settings of its owner. Safe to call again. */
export async function declareExchange(
  model: ChannelModel,
  { name, type = 'topic', durable = true, autoDelete = false, arguments: given }: RabbitmqExchange,
): Promise<void> {
  await withChannel(model, name, (channel) =>
    channel.assertExchange(name, type, {
      durable,
      autoDelete,
      ...(given === undefined ? {} : { arguments: given }),
    }),
  );
}

/** Declares a queue with the settings of its owner. Safe to call again. */
export async function declareQueue(
  model: ChannelModel,
  { name, durable = true, autoDelete = false, arguments: given }: RabbitmqQueue,
): Promise<void> {
  await withChannel(model, name, (channel) =>
    channel.assertQueue(name, {
      durable,
      autoDelete,
      ...(given === undefined ? {} : { arguments: given }),
    }),
  );
}

/** Declares the queue of a pool's dead letters. Safe to call again. */
export async function declareDeadLetters(
  model: ChannelModel,
  names: TopologyNames,
  pool: string,
): Promise<void> {
  const dead = names.deadLetterQueue(pool);
  await withChannel(model, dead, async (channel) => {
    await channel.assertExchange(names.deadLetterExchange, 'direct', { durable: true });
    await channel.assertQueue(dead, keptQueue);
    await channel.bindQueue(dead, names.deadLetterExchange, names.deadLetterKey(pool));
  });
}

/** Binds a pool's queue so that redriven dead letters come back to it. Safe to call again. */
export async function bindRedrive(
  model: ChannelModel,
  names: TopologyNames,
  pool: string,
): Promise<void> {
  const queue = names.poolQueue(pool);
  await withChannel(model, queue, (channel) =>
    channel.bindQueue(queue, names.deadLetterExchange, names.redriveKey(pool)),
  );
}

/** Takes back what `bindRedrive` did. Safe to call again. */
export async function unbindRedrive(
  model: ChannelModel,
  names: TopologyNames,
  pool: string,
): Promise<void> {
  const queue = names.poolQueue(pool);
  await withChannel(model, queue, (channel) =>
    channel.unbindQueue(queue, names.deadLetterExchange, names.redriveKey(pool)),
  );
}

/** Declares a pool's queue, its dead-letter queue and the ways between. Safe to call again. */
export async function declarePool(
  model: ChannelModel,
  names: TopologyNames,
  {
    pool,
    order,
  }: {
    readonly pool: string;
    readonly order: 'pool' | 'member';
  },
): Promise<void> {
  const queue = names.poolQueue(pool);
  await declareDeadLetters(model, names, pool);
  const declare = (limit: number): Promise<unknown> =>
    withChannel(model, queue, (channel) =>
      channel.assertQueue(queue, {
        durable: true,
        arguments: {
          ...keptQueue.arguments,
          'x-delivery-limit': limit,
          'x-dead-letter-exchange': names.deadLetterExchange,
          'x-dead-letter-routing-key': names.deadLetterKey(pool),
          // A dead letter stays in the pool's queue until the dead-letter queue has confirmed it.
          'x-dead-letter-strategy': 'at-least-once',
          'x-overflow': 'reject-publish',
          ...(order === 'pool' ? { 'x-single-active-consumer': true } : {}),
        },
      }),
    );
  await declare(unreachable).catch(async (error: unknown) => {
    // A pool of an earlier release keeps the limit that it was made with: deliveries count towards it.
    const limit = limitOf(error);
    if (limit === undefined) throw error;
    await declare(limit);
  });
  await bindRedrive(model, names, pool);
}

/** Deletes a pool's queue, and its dead letters where there are none. Safe to call again. */
export async function removePool(
  model: ChannelModel,
  names: TopologyNames,
  pool: string,
): Promise<void> {
  const queue = names.poolQueue(pool);
  await gone(model, queue, (channel) => channel.deleteQueue(queue));
  await removeDeadLetters(model, names, pool);
}

/** Deletes the queue of a pool's dead letters unless it holds some: they outlive their pool. */
export async function removeDeadLetters(
  model: ChannelModel,
  names: TopologyNames,
  pool: string,
): Promise<void> {
  const dead = names.deadLetterQueue(pool);
  await gone(model, dead, async (channel) => {
    // Quorum queues know no "delete if empty".
    const { messageCount } = await channel.checkQueue(dead);
    if (messageCount === 0) await channel.deleteQueue(dead);
  });
}

/** How often a removal is tried that crosses one of another process. */
const removals = 3;

/** Runs a removal. A queue that somebody else removes at the same time is removed. */
async function gone(
  model: ChannelModel,
  queue: string,
  remove: (channel: Channel) => Promise<unknown>,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await withChannel(model, queue, remove);
      return;
    } catch (error) {
      if (replyCodeOf(error instanceof Error ? error.cause : error) === missing) return;
      if (tries === removals || error instanceof ConfigurationError) throw error;
      await delay(crossingDelay);
    }
  }
}

/** Milliseconds before a removal is tried again. */
const crossingDelay = 500;
/** AMQP: not found. */
const missing = 404;

/**
 * A limit that is never reached. Every delivery counts towards the limit of a quorum queue (20 unless
 * said otherwise since RabbitMQ 4.0), also of what a consumer only held, or read among the dead letters.
 * -1 would turn the limit off there, but 3.x refuses it.
 */
const unreachable = 1_000_000_000;

/** A queue that keeps what it has. */
const keptQueue = {
  durable: true,
  arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': unreachable },
};

/** Milliseconds that a broker with much to do may take for one binding more. */
const bindPatience = 10;

/** The delivery limit of a queue that differs from the declared one in nothing else that was looked at. */
function limitOf(error: unknown): number | undefined {
  const text = String(error instanceof Error ? error.cause : error);
  const [, limit] =
    /inequivalent arg 'x-delivery-limit'.*current is (?:the value )?'(\d+)'/.exec(text) ?? [];
  return limit === undefined ? undefined : Number(limit);
}

/** Binds a queue to an exchange by each pattern. Safe to call again. */
export async function bindPatterns(
  model: ChannelModel,
  exchange: string,
  queue: string,
  patterns: readonly string[],
): Promise<void> {
  const bindAll = async (channel: Channel): Promise<void> => {
    await Promise.all(patterns.map((pattern) => channel.bindQueue(queue, exchange, pattern)));
  };
  await withChannel(model, exchange, bindAll, answerPatience + patterns.length * bindPatience);
}

/**
 * Runs `work` on a channel of its own: what the broker refuses closes a channel, and must not close
 * one that others use. Rejects with what `topologyError` says, also when the broker does not answer.
 *
 * @param what the exchange or queue that is worked on, for the message
 * @param patience milliseconds that the work may take; default 10,000
 */
export async function withChannel<T>(
  model: ChannelModel,
  what: string,
  work: (channel: Channel) => Promise<T>,
  patience = answerPatience,
): Promise<T> {
  try {
    const channel = await whileOpen(model, model.createChannel());
    // The rejected call says the same; an 'error' event without a listener would end the process.
    channel.on('error', () => {});
    let closed = false;
    channel.on('close', () => {
      closed = true;
    });
    try {
      return await whileOpen(model, work(channel), patience);
    } finally {
      // Not waited for: what was asked for is answered, and one who does not answer cannot be waited for.
      if (!closed) void closeChannel(channel);
    }
  } catch (error) {
    throw topologyError(error, what);
  }
}
