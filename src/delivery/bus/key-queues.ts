import type { Entry } from './entry.js';
import type { IncomingDelivery, Keyed } from './incoming-delivery.js';
import type { Claim } from './unsettled.js';

/** Deliveries of one partition key, at most one of them being handled. */
export interface KeyQueue<M extends Keyed> {
  readonly key: string | undefined;
  /** In the order they came. The first is being handled, or waits for its retry or its turn. */
  readonly queue: Entry<M>[];
  /** Those that wait for a retry and let others pass. */
  readonly aside: Map<Entry<M>, NodeJS.Timeout>;
  running: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** The lanes of a dispatcher: one for each partition key, and one for each message without a key. */
export class KeyQueues<M extends Keyed> {
  readonly #keyed = new Map<string, KeyQueue<M>>();
  readonly #unkeyed = new Set<KeyQueue<M>>();

  /** The lane of a delivery. A redelivery without a key goes behind the handler of its message. */
  for({ message }: IncomingDelivery<M>, claim: Claim | undefined): KeyQueue<M> {
    const key = message.partitionKey;
    const found = key === undefined ? this.#find(claim?.lane) : this.#keyed.get(key);
    if (found !== undefined) return found;
    const lane: KeyQueue<M> = {
      key,
      queue: [],
      aside: new Map(),
      running: false,
      timer: undefined,
    };
    if (key === undefined) this.#unkeyed.add(lane);
    else this.#keyed.set(key, lane);
    return lane;
  }

  /** The lane in which an entry is under way. */
  of(entry: Entry<M>): KeyQueue<M> | undefined {
    const key = entry.incoming.message.partitionKey;
    if (key !== undefined) return this.#keyed.get(key);
    return [...this.#unkeyed].find(({ queue }) => queue[0] === entry);
  }

  /** All that is not forgotten. */
  *entries(): Iterable<Entry<M>> {
    for (const { queue, aside } of [...this.#keyed.values(), ...this.#unkeyed]) {
      for (const entry of queue) if (!entry.forgotten) yield entry;
      yield* aside.keys();
    }
  }

  /** Forgets all entries: returns those that were not forgotten before, in the order they came. */
  drop(): Entry<M>[] {
    const dropped = [...this.entries()];
    for (const lane of [...this.#keyed.values(), ...this.#unkeyed]) {
      clearTimeout(lane.timer);
      lane.timer = undefined;
      for (const timer of lane.aside.values()) clearTimeout(timer);
      lane.aside.clear();
      // What is under way goes on, and keeps its lane.
      lane.queue.length = lane.running ? 1 : 0;
      if (!lane.running) this.remove(lane);
    }
    for (const entry of dropped) entry.forgotten = true;
    return dropped.sort((a, b) => a.position - b.position);
  }

  remove(lane: KeyQueue<M>): void {
    if (lane.key === undefined) this.#unkeyed.delete(lane);
    else this.#keyed.delete(lane.key);
  }

  #find(wanted: object | undefined): KeyQueue<M> | undefined {
    if (wanted === undefined) return undefined;
    return [...this.#unkeyed].find((each) => each === wanted);
  }
}
