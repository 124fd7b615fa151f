import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import { busName, callback, milliseconds, whole } from '../../core/options/fields.js';
import { ConfigurationError, UnavailableError } from '../../core/errors/errors.js';
import { assertRoutingKeyLength } from '../../core/events/routing-key.js';
import type { Format } from '../formats/format.js';
import { formatField } from '../formats/formats.js';
import type {
  Bus,
  BusCapabilities,
  BusMessage,
  BusSubscription,
  DeliveryHandler,
  Published,
  SubscribeOptions,
} from '../bus/bus.js';
import { busClosed } from '../kit/bus-closed.js';
import { notifier, type BusNoticeListener } from '../bus/notice.js';
import { poolUnknown } from '../bus/pool-unknown.js';
import { completeSubscribeOptions } from '../bus/subscribe-settings.js';
import { TopicTrie } from '../topic/topic-trie.js';
import { MemoryDeadLetters } from './memory-dead-letters.js';
import { MemoryQueue } from './memory-queue.js';
import { MemorySubscription } from './memory-subscription.js';

/** How much the in-process bus holds, and for how long publishes wait. */
export interface MemoryBusOptions {
  /** Unique among the buses of one relay. Default `memory`. */
  readonly name?: string;
  /**
   * How many messages a queue holds before publishes wait. Default 10,000; a pool without members
   * fills up too. More takes memory, fewer makes slow consumers slow the publisher sooner.
   */
  readonly capacity?: number;
  /**
   * Milliseconds that a publish waits for room before it rejects with BUS_UNAVAILABLE. Default 30,000.
   */
  readonly publishTimeout?: number;
  /** How events look on this bus. Default that of `createSignalbox`, which is `cloudEvents`. */
  readonly format?: Format;
  /** Told of retries, dead letters and unroutable messages. */
  readonly on?: BusNoticeListener;
}

export const memoryBusSchema = optionsOf<MemoryBusOptions>('memoryBus()', {
  name: busName,
  capacity: whole(1),
  publishTimeout: milliseconds(1),
  format: formatField,
  on: callback,
});

/**
 * A bus inside the process: no server, and the same semantics as a broker's. Topic patterns, pools,
 * acknowledgement, retries, dead letters and back-pressure; but what it holds dies with the process.
 */
export function memoryBus(options: MemoryBusOptions = {}): Bus {
  return new MemoryBus(options);
}

interface WaitingPublish {
  readonly message: BusMessage;
  /** The only pool it is for; undefined when it goes to whoever wants it. */
  readonly pool: string | undefined;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

class MemoryBus implements Bus {
  readonly name: string;
  readonly capabilities: BusCapabilities = {
    reportsUnroutable: true,
    deadLetters: true,
    durable: false,
    marksRedelivered: true,
    unitesPatterns: true,
    choosesOrder: true,
  };
  readonly deadLetters: MemoryDeadLetters;
  readonly format?: Format;
  readonly #capacity: number;
  readonly #publishTimeout: number;
  readonly #notify: BusNoticeListener;
  readonly #bindings = new TopicTrie<MemoryQueue>();
  readonly #pools = new Map<string, MemoryQueue>();
  readonly #subscriptions = new Set<MemorySubscription>();
  #waiting: WaitingPublish[] = [];
  #routing = false;
  #closed = false;

  constructor(options: MemoryBusOptions) {
    checkOptions(memoryBusSchema, options);
    const { name = 'memory', capacity = 10_000, publishTimeout = 30_000, format, on } = options;
    this.name = name;
    if (format !== undefined) this.format = format;
    this.#capacity = capacity;
    this.#publishTimeout = publishTimeout;
    this.#notify = notifier(on);
    this.deadLetters = new MemoryDeadLetters(this.name, capacity, (pool) => this.#pools.get(pool));
  }

  async connect(): Promise<void> {
    this.#assertOpen();
  }

  async publish(message: BusMessage): Promise<Published> {
    return this.#publish(message, undefined);
  }

  async publishToPool(pool: string, message: BusMessage): Promise<void> {
    const { routed } = await this.#publish(message, pool);
    if (!routed) throw poolUnknown(this.name, pool);
  }

  async hasPool(pool: string): Promise<boolean> {
    this.#assertOpen();
    return this.#pools.has(pool);
  }

  async subscribe(
    patterns: readonly string[],
    handler: DeliveryHandler,
    options: SubscribeOptions = {},
  ): Promise<BusSubscription> {
    this.#assertOpen();
    const settings = completeSubscribeOptions(patterns, options, this.#notify);
    const queue =
      settings.pool === undefined
        ? this.#createQueue('member')
        : this.#pool(settings.pool, settings.order);
    for (const pattern of patterns) {
      queue.patterns.add(pattern);
      this.#bindings.add(pattern, queue);
    }
    const subscription = new MemorySubscription({
      queue,
      patterns,
      handler,
      settings,
      deadLetters: this.deadLetters,
      notify: this.#notify,
      onEnd: (removeQueue) => {
        this.#subscriptions.delete(subscription);
        if (removeQueue) this.#removeQueue(queue, settings.pool);
      },
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(busClosed(this.name));
    }
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.unsubscribe()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #publish(message: BusMessage, pool: string | undefined): Promise<Published> {
    this.#assertOpen();
    assertRoutingKeyLength(message.key);
    // Behind publishes that wait everybody waits, so that none overtakes another of its key.
    if (this.#waiting.length === 0) {
      const published = this.#route(message, pool);
      if (published !== undefined) return published;
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#expire(), this.#publishTimeout);
      this.#waiting.push({ message, pool, resolve, reject, timer });
    });
  }

  /** Undefined when a queue that wants the message is full. */
  #route(message: BusMessage, pool: string | undefined): Published | undefined {
    const queues =
      pool === undefined ? this.#bindings.match(message.key) : this.#queuesOfPool(pool);
    for (const queue of queues) if (queue.full) return undefined;
    for (const queue of queues) queue.push(message);
    const routed = queues.size > 0;
    if (!routed) this.#notify({ kind: 'unroutable', key: message.key, id: message.id });
    return { routed };
  }

  #queuesOfPool(name: string): ReadonlySet<MemoryQueue> {
    const queue = this.#pools.get(name);
    return new Set(queue === undefined ? [] : [queue]);
  }

  /**
   * Lets in who waits, in order. A message that is pushed may be taken at once and so make room, which
   * calls this again in the middle of a message that goes to several queues: the outer call goes on.
   */
  #routeWaiting(): void {
    if (this.#routing) return;
    this.#routing = true;
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined) break;
      const published = this.#route(first.message, first.pool);
      if (published === undefined) break;
      this.#waiting.shift();
      clearTimeout(first.timer);
      first.resolve(published);
    }
    this.#routing = false;
  }

  /** All wait equally long, so the first in line is the one that is due. */
  #expire(): void {
    this.#waiting
      .shift()
      ?.reject(
        new UnavailableError(
          'BUS_UNAVAILABLE',
          `The bus ${this.name} had no room for ${this.#publishTimeout} ms: a consumer is stuck, or a pool has no member. Retry later.`,
          { parameters: { bus: this.name } },
        ),
      );
    this.#routeWaiting();
  }

  #createQueue(order: 'pool' | 'member'): MemoryQueue {
    return new MemoryQueue({
      order,
      capacity: this.#capacity,
      onRoom: () => this.#routeWaiting(),
    });
  }

  #pool(name: string, order: 'pool' | 'member'): MemoryQueue {
    const existing = this.#pools.get(name);
    if (existing === undefined) {
      const queue = this.#createQueue(order);
      this.#pools.set(name, queue);
      return queue;
    }
    if (existing.order !== order) {
      throw new ConfigurationError(
        'TOPOLOGY_CONFLICT',
        `The pool ${name} exists with order: '${existing.order}'. Members must agree; remove the pool to change it.`,
        { parameters: { pool: name } },
      );
    }
    return existing;
  }

  #removeQueue(queue: MemoryQueue, pool: string | undefined): void {
    for (const pattern of queue.patterns) this.#bindings.remove(pattern, queue);
    if (pool !== undefined && this.#pools.get(pool) === queue) this.#pools.delete(pool);
    this.#routeWaiting();
  }

  #assertOpen(): void {
    if (this.#closed) throw busClosed(this.name);
  }
}
