import type { BusMessage } from '../bus/bus.js';

/** A message in a queue. */
export interface QueuedMessage {
  readonly message: BusMessage;
  /** Its place: what is returned goes back to it. */
  readonly position: number;
  redelivered: boolean;
}

/** Takes messages from a queue, at most `prefetch` of them unacknowledged. */
export interface QueueConsumer {
  readonly prefetch: number;
  deliver(queued: QueuedMessage): void;
}

/**
 * One queue of the in-process bus, with the behaviour of a RabbitMQ queue: messages wait in order,
 * consumers take them up to their prefetch, and what a leaving consumer had not acknowledged goes back
 * to its place.
 */
export class MemoryQueue {
  readonly patterns = new Set<string>();
  readonly order: 'pool' | 'member';
  readonly #capacity: number;
  readonly #onRoom: () => void;
  readonly #unacknowledged = new Map<QueueConsumer, Set<QueuedMessage>>();
  readonly #onEmpty: (() => void)[] = [];
  #ready: QueuedMessage[] = [];
  #positions = 0;

  constructor(options: {
    readonly order: 'pool' | 'member';
    readonly capacity: number;
    /** Called when a full queue has room again. */
    readonly onRoom: () => void;
  }) {
    this.order = options.order;
    this.#capacity = options.capacity;
    this.#onRoom = options.onRoom;
  }

  get full(): boolean {
    return this.#ready.length >= this.#capacity;
  }

  /** Resolves when no message waits and none is with a consumer. */
  async empty(): Promise<void> {
    while (this.#ready.length > 0 || this.#isUnacknowledged()) {
      await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
    }
  }

  push(message: BusMessage): void {
    this.#positions += 1;
    this.#ready.push({ message, position: this.#positions, redelivered: false });
    this.#deliver();
  }

  addConsumer(consumer: QueueConsumer): void {
    this.#unacknowledged.set(consumer, new Set());
    this.#deliver();
  }

  removeConsumer(consumer: QueueConsumer): void {
    const returned = this.#unacknowledged.get(consumer);
    this.#unacknowledged.delete(consumer);
    if (returned !== undefined && returned.size > 0) {
      for (const queued of returned) queued.redelivered = true;
      this.#ready = [...returned, ...this.#ready].sort((a, b) => a.position - b.position);
    }
    this.#deliver();
  }

  acknowledge(consumer: QueueConsumer, queued: QueuedMessage): void {
    this.#unacknowledged.get(consumer)?.delete(queued);
    this.#deliver();
    if (this.#ready.length === 0 && !this.#isUnacknowledged()) {
      this.#onEmpty.splice(0).forEach((resolve) => resolve());
    }
  }

  #isUnacknowledged(): boolean {
    return [...this.#unacknowledged.values()].some(({ size }) => size > 0);
  }

  #deliver(): void {
    const wasFull = this.full;
    for (;;) {
      if (this.#ready.length === 0) break;
      const consumer = this.#nextConsumer();
      if (consumer === undefined) break;
      const queued = this.#ready.shift() as QueuedMessage;
      this.#unacknowledged.get(consumer)?.add(queued);
      consumer.deliver(queued);
    }
    if (wasFull && !this.full) this.#onRoom();
  }

  /** With order over the whole pool only the eldest member is active; else the least busy one. */
  #nextConsumer(): QueueConsumer | undefined {
    let chosen: QueueConsumer | undefined;
    let least = Infinity;
    for (const [consumer, { size }] of this.#unacknowledged) {
      if (size < consumer.prefetch && size < least) {
        chosen = consumer;
        least = size;
      }
      if (this.order === 'pool') break;
    }
    return chosen;
  }
}
