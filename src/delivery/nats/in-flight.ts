import type { Msg } from '@nats-io/transport-node';
import type { DeliveryFacts } from './acknowledgement.js';

interface Held {
  readonly facts: DeliveryFacts;
  readonly delivery: Msg;
}

/** In-flight deliveries by identity: an acknowledgement answers the newest delivery of a message. */
export class InFlight {
  readonly #held = new Map<string, Held>();

  get size(): number {
    return this.#held.size;
  }

  has(identity: string): boolean {
    return this.#held.has(identity);
  }

  /** Takes a delivery. False when its message was in hand before. */
  take(facts: DeliveryFacts, delivery: Msg): boolean {
    const isNew = !this.#held.has(facts.identity);
    this.#held.set(facts.identity, { facts, delivery });
    return isNew;
  }

  /** Lets a message go: returns its newest delivery. */
  release(identity: string): Msg | undefined {
    const held = this.#held.get(identity);
    this.#held.delete(identity);
    return held?.delivery;
  }

  /** Lets all go: returns them in the order of the stream. */
  releaseAll(): readonly Msg[] {
    const all = [...this.#held.values()];
    this.#held.clear();
    all.sort((a, b) => a.facts.sequence - b.facts.sequence);
    return all.map(({ delivery }) => delivery);
  }

  /** How many of them a consumer handed out. */
  of(consumer: string): number {
    return [...this.#held.values()].filter(({ facts }) => facts.consumer === consumer).length;
  }

  deliveries(): readonly Msg[] {
    return [...this.#held.values()].map(({ delivery }) => delivery);
  }
}
