import type { BusMessage, Published } from '../bus/bus.js';
import { replyCodeOf } from './amqp-error.js';
import type { AmqpConnection } from './connection.js';
import { withChannel, type TopologyNames } from './topology.js';
import { redriveHeaders, type OutgoingMessage } from './wire.js';

interface PoolPublisherOptions {
  readonly connection: AmqpConnection;
  readonly names: TopologyNames;
  readonly publish: (outgoing: OutgoingMessage) => Promise<Published>;
}

/**
 * Gives messages to one pool, by the way that redriven dead letters take. Publishing to an exchange
 * that is not there closes the channel and makes suspects of all that is under way on it; so a pool is
 * looked for once, on a channel of its own, before anything is published to it.
 */
export class PoolPublisher {
  readonly #options: PoolPublisherOptions;
  readonly #found = new Map<string, Promise<boolean>>();

  constructor(options: PoolPublisherOptions) {
    this.#options = options;
  }

  /** Resolves on the confirm; false, and nothing was sent, when there is no such pool. */
  async publish(pool: string, message: BusMessage): Promise<boolean> {
    const { names, publish } = this.#options;
    // Callers that come meanwhile wait for the same answer, and so go on in the order of their calls.
    let found = this.#found.get(pool);
    if (found === undefined) {
      found = this.find(pool);
      this.#found.set(pool, found);
    }
    try {
      if (await found) {
        const { routed } = await publish({
          exchange: names.deadLetterExchange,
          routingKey: names.redriveKey(pool),
          message,
          headers: redriveHeaders(message.key),
        });
        if (routed) return true;
      }
      this.#forget(pool, found);
      return false;
    } catch (error) {
      this.#forget(pool, found);
      throw error;
    }
  }

  #forget(pool: string, found: Promise<boolean>): void {
    if (this.#found.get(pool) === found) this.#found.delete(pool);
  }

  /** Whether there is such a pool, now. Rejects as connecting does. */
  async find(pool: string): Promise<boolean> {
    const { connection, names } = this.#options;
    const queue = names.poolQueue(pool);
    const model = await connection.ready();
    try {
      await withChannel(model, queue, async (channel) => {
        await channel.checkQueue(queue);
        await channel.checkExchange(names.deadLetterExchange);
      });
      return true;
    } catch (error) {
      // `withChannel` says what it means; the broker's own answer is the cause.
      if (replyCodeOf(error instanceof Error ? error.cause : error) === missing) return false;
      throw error;
    }
  }
}

/** AMQP: not found. */
const missing = 404;
