import { createHash } from 'node:crypto';
import type { Channel, Replies } from 'amqplib';
import type { BegunRecord } from '../bus/incoming-delivery.js';
import { inTime } from '../kit/in-time.js';
import { closeChannel } from './close-channel.js';
import type { AmqpConnection } from './connection.js';

import type { TopologyNames } from './topology.js';
import type { OutgoingMessage } from './wire.js';

interface BegunMarksOptions {
  /** Where queues are made and emptied. */
  readonly connection: AmqpConnection;
  readonly names: TopologyNames;
  readonly pool: string;
  /** How many marks make a message poison. */
  readonly limit: number;
  readonly publish: (outgoing: OutgoingMessage) => Promise<unknown>;
}

/** Milliseconds that a handler waits for its mark: a broker that blocks publishers must not stop it. */
const patience = 5_000;
/** Milliseconds after which the broker forgets marks of a message that nobody asks for. */
const expiry = 24 * 60 * 60_000;

/**
 * Marks that a handler of a redelivered message has begun, each a message in a small queue of that
 * message's own. A mark that is found is of a process that ended before its handler did. Counting
 * deliveries would charge what was only held, and would need a queue that counts.
 *
 * Only redeliveries that this process cannot explain are marked, so that a pool in health pays nothing.
 */
export class BegunMarks {
  readonly #options: BegunMarksOptions;
  #channel: Promise<Channel> | undefined;

  constructor(options: BegunMarksOptions) {
    this.#options = options;
  }

  /** The record of one message. */
  of(identity: () => string): BegunRecord {
    const { names, pool, limit, publish } = this.#options;
    const hash = createHash('sha256').update(`${pool} ${identity()}`).digest('base64url');
    const queue = names.begunQueue(hash);
    const key = names.begunKey(hash);
    let marked: Promise<unknown> = Promise.resolve();
    const remove = async (done: boolean): Promise<void> => {
      // A mark that is on its way is to be found.
      await marked;
      await this.#use(async (channel) => {
        if (done) await channel.deleteQueue(queue);
        else await channel.get(queue, { noAck: true });
      });
    };
    return {
      limit,
      count: async () => (await this.#use((channel) => declare(channel, queue)))?.messageCount ?? 0,
      begin: async () => {
        marked = this.#use(async (channel) => {
          await declare(channel, queue);
          await channel.bindQueue(queue, names.deadLetterExchange, key);
          await publish({
            exchange: names.deadLetterExchange,
            routingKey: key,
            message: { key, id: '', contentType: '', headers: {}, body: new Uint8Array() },
          });
        });
        await marked;
      },
      end: (done) => void remove(done),
    };
  }

  async close(): Promise<void> {
    const channel = await this.#channel?.catch(() => undefined);
    if (channel !== undefined) await closeChannel(channel);
  }

  /** Runs `work`; when the broker refuses it or is away, the message stays unmarked and nothing fails. */
  async #use<T>(work: (channel: Channel) => Promise<T>): Promise<T | undefined> {
    const working = this.#open().then(work);
    return inTime(working, patience, () => new Error('late')).catch(() => undefined);
  }

  #open(): Promise<Channel> {
    if (this.#channel !== undefined) return this.#channel;
    const opening = this.#options.connection.ready().then((model) => model.createChannel());
    this.#channel = opening;
    const forget = (): void => {
      if (this.#channel === opening) this.#channel = undefined;
    };
    opening.then((channel) => {
      channel.on('error', () => {});
      channel.on('close', forget);
    }, forget);
    return opening;
  }
}

function declare(channel: Channel, queue: string): Promise<Replies.AssertQueue> {
  return channel.assertQueue(queue, { durable: true, expires: expiry });
}
