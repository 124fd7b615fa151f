import type { ChannelModel } from 'amqplib';
import { v7 as uuidv7 } from 'uuid';
import type { RabbitmqSettings } from './options.js';
import {
  bindPatterns,
  declareExchanges,
  declarePool,
  removePool,
  withChannel,
  type TopologyNames,
} from './topology.js';

/** The queue that a subscription consumes from, and what must be there for it. */
export interface QueueSource {
  /** Name in notices. */
  readonly label: string;
  /** The pool whose dead letters take what cannot be handled; undefined when there is none. */
  readonly pool: string | undefined;
  readonly patterns: readonly string[];
  /** True when the broker dead-letters what is rejected, because the queue was declared so. */
  readonly deadLettersRejected: boolean;
  /** Declares and binds, and resolves with the queue's name. Safe to call again. */
  prepare(model: ChannelModel): Promise<string>;
  /** Binds again what the bus's own exchange lost when it was deleted. Safe to call again. */
  rebind(model: ChannelModel): Promise<void>;
  /** Removes what lives no longer than the subscription. Safe to call again. */
  leave(model: ChannelModel): Promise<void>;
  /** Removes the pool. Safe to call again. */
  remove(model: ChannelModel): Promise<void>;
}

interface SourceOptions {
  readonly names: TopologyNames;
  readonly bus: RabbitmqSettings;
  readonly patterns: readonly string[];
}

/** The queue of a pool on the bus's own exchange. */
export function poolSource({
  names,
  bus,
  patterns,
  pool,
  order,
}: SourceOptions & { readonly pool: string; readonly order: 'pool' | 'member' }): QueueSource {
  const queue = names.poolQueue(pool);
  const bind = (model: ChannelModel) => bindPatterns(model, names.exchange, queue, patterns);
  return {
    label: pool,
    pool,
    patterns,
    deadLettersRejected: true,
    async prepare(model) {
      await declareExchanges(model, names, bus);
      await declarePool(model, names, { pool, order });
      await bind(model);
      return queue;
    },
    rebind: bind,
    leave: async () => {},
    remove: (model) => removePool(model, names, pool),
  };
}

/** A queue of its own for one subscription, gone with its connection. */
export function ephemeralSource({ names, bus, patterns }: SourceOptions): QueueSource {
  // A new name for each connection: the broker may still hold the old queue for one it has not missed.
  let made: { readonly model: ChannelModel; readonly queue: string } | undefined;
  const leave = async (model: ChannelModel): Promise<void> => {
    if (made?.model !== model) return;
    const { queue } = made;
    await withChannel(model, queue, (channel) => channel.deleteQueue(queue));
  };
  return {
    label: `ephemeral ${patterns.slice(0, 5).join(' ')}`,
    pool: undefined,
    patterns,
    deadLettersRejected: false,
    async prepare(model) {
      await declareExchanges(model, names, bus);
      if (made?.model !== model) made = { model, queue: names.ephemeralQueue(uuidv7()) };
      const { queue } = made;
      await withChannel(model, queue, (channel) =>
        channel.assertQueue(queue, { durable: false, exclusive: true, autoDelete: false }),
      );
      await bindPatterns(model, names.exchange, queue, patterns);
      return queue;
    },
    async rebind(model) {
      if (made?.model !== model) return;
      await bindPatterns(model, names.exchange, made.queue, patterns);
    },
    leave,
    remove: leave,
  };
}
