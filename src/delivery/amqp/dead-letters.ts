import type { Channel, GetMessage } from 'amqplib';
import type {
  DeadLetter,
  DeadLetters,
  DeadLetterSelection,
  Published,
  RedriveOptions,
} from '../bus/bus.js';
import { selects } from '../bus/dead-letter-groups.js';
import { inTime } from '../kit/in-time.js';
import { poolUnknown } from '../bus/pool-unknown.js';
import { replyCodeOf, topologyError } from './amqp-error.js';
import type { AmqpConnection } from './connection.js';
import { closeChannel } from './close-channel.js';
import type { TopologyNames } from './topology.js';
import { answerPatience, whileOpen } from './while-open.js';
import { redriveForms } from './dead-letter-forms.js';
import { readDeadLetter } from './dead-letter-wire.js';
import { unwrapped } from './encapsulated.js';
import { publishForms } from '../bus/publish-forms.js';
import type { OutgoingMessage } from './wire.js';

interface AmqpDeadLettersOptions {
  readonly busName: string;
  readonly connection: AmqpConnection;
  readonly names: TopologyNames;
  readonly publish: (outgoing: OutgoingMessage) => Promise<Published>;
}

/** A dead letter, still unacknowledged on the channel that fetched it. */
interface Fetched {
  readonly received: GetMessage;
  readonly letter: DeadLetter;
  readonly acknowledge: () => void;
}

/**
 * The dead letters of the pools. They are fetched without being acknowledged, and what is not settled is
 * given back to its place. All calls share one channel, one after another: only there does a fetch come
 * surely after what an earlier call gave back.
 */
export class AmqpDeadLetters implements DeadLetters {
  readonly #options: AmqpDeadLettersOptions;
  #channel: Channel | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: AmqpDeadLettersOptions) {
    this.#options = options;
  }

  async read(pool: string, selection: DeadLetterSelection = {}): Promise<readonly DeadLetter[]> {
    return this.#fetch(pool, selection, async (fetched) => fetched.map(({ letter }) => letter), []);
  }

  async redrive(
    pool: string,
    selection: DeadLetterSelection = {},
    { onRefused }: RedriveOptions = {},
  ): Promise<number> {
    const { busName, names, publish } = this.#options;
    const redriven = async (fetched: readonly Fetched[]): Promise<number> => {
      const way = { exchange: names.deadLetterExchange, routingKey: names.redriveKey(pool) };
      let count = 0;
      // One after another: their order is all the order that is left.
      for (const { letter, received, acknowledge } of fetched) {
        const published = await publishForms(publish, redriveForms(received, letter, way));
        if ('refused' in published) {
          onRefused?.(letter, published.refused);
          continue;
        }
        if (!published.routed) throw poolUnknown(busName, pool);
        acknowledge();
        count += 1;
      }
      return count;
    };
    return this.#fetch(pool, selection, redriven, 0);
  }

  async drop(pool: string, selection: DeadLetterSelection = {}): Promise<number> {
    const dropped = async (fetched: readonly Fetched[]): Promise<number> => {
      for (const { acknowledge } of fetched) acknowledge();
      return fetched.length;
    };
    return this.#fetch(pool, selection, dropped, 0);
  }

  #fetch<T>(
    pool: string,
    selection: DeadLetterSelection,
    use: (fetched: readonly Fetched[]) => Promise<T>,
    none: T,
  ): Promise<T> {
    const result = this.#last.then(() => this.#fetchNow(pool, selection, use, none));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #fetchNow<T>(
    pool: string,
    selection: DeadLetterSelection,
    use: (fetched: readonly Fetched[]) => Promise<T>,
    none: T,
  ): Promise<T> {
    const { names } = this.#options;
    const { limit = 100 } = selection;
    const queue = names.deadLetterQueue(pool);
    const unsettled = new Set<GetMessage>();
    const fetched: Fetched[] = [];
    const channel = await this.#openChannel(queue);
    let left = 0;
    try {
      while (fetched.length < limit) {
        const received = await this.#answered(channel, channel.get(queue));
        left = received === false ? 0 : received.fields.messageCount;
        if (received === false) break;
        unsettled.add(received);
        const inner = unwrapped(received, names.deadLetterExchange);
        const letter = readDeadLetter(inner, pool, names.deadLetterExchange);
        const acknowledge = (): void => {
          channel.ack(received);
          unsettled.delete(received);
        };
        if (selects(selection, letter)) fetched.push({ received: inner, letter, acknowledge });
      }
      return await use(fetched);
    } catch (error) {
      if (replyCodeOf(error) === queueMissing) return none;
      throw topologyError(error, queue);
    } finally {
      if (this.#channel === channel && unsettled.size > 0) {
        await this.#giveBack(channel, queue, unsettled, left);
      }
      // Acknowledgements are not answered. What closes its connection now must not overtake them.
      if (this.#channel === channel) {
        await this.#answered(channel, channel.checkQueue(queue)).catch(() => undefined);
      }
    }
  }

  /**
   * Gives letters back behind all that were given back before. So that the letters keep their order, those
   * that nobody fetched are fetched too, and then all are given back.
   */
  async #giveBack(
    channel: Channel,
    queue: string,
    fetched: ReadonlySet<GetMessage>,
    left: number,
  ): Promise<void> {
    const tags = [...fetched].map(({ fields }) => fields);
    for (let count = Math.min(left, longestTurn); count > 0; count -= 1) {
      const received = await this.#answered(channel, channel.get(queue)).catch(
        () => false as const,
      );
      if (received === false) break;
      tags.push(received.fields);
    }
    // On a channel that has closed meanwhile the broker has taken them back by itself.
    if (this.#channel !== channel) return;
    try {
      for (const fields of tags) channel.nack({ fields } as GetMessage, false, true);
    } catch {
      // So it has on a connection that is being closed.
    }
  }

  /** Gives the channel up when the broker does not answer: the calls behind wait for it. */
  async #answered<T>(channel: Channel, work: Promise<T>): Promise<T> {
    try {
      return await inTime(work, answerPatience, () => {
        return new Error(`the broker did not answer within ${answerPatience} ms`);
      });
    } catch (error) {
      if (this.#channel === channel && replyCodeOf(error) === undefined) {
        this.#channel = undefined;
        void closeChannel(channel);
      }
      throw error;
    }
  }

  async #openChannel(queue: string): Promise<Channel> {
    if (this.#channel !== undefined) return this.#channel;
    const model = await this.#options.connection.ready();
    const channel = await whileOpen(model, model.createChannel()).catch((error: unknown) => {
      throw topologyError(error, queue);
    });
    channel.on('error', () => {});
    channel.on('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
    });
    this.#channel = channel;
    return channel;
  }
}

/** How many letters are fetched at the most only to keep the order of more than these. */
const longestTurn = 10_000;

/** AMQP: not found. A pool that never was has no dead letters. */
const queueMissing = 404;
