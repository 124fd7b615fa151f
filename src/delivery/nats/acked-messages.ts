import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { acknowledge, confirmAcknowledged, deliveryFacts } from './acknowledgement.js';

/**
 * Tells the server what is handled. A stream that is made anew gives the numbers of its messages again, and
 * with them the subjects on which they are answered: while the stream may be another one nothing is said,
 * else a message that nobody has handled would be acknowledged.
 */
export class AckedMessages {
  /** How to answer the last that each consumer was told is handled. */
  readonly #last = new Map<string, string>();
  readonly #remembers: boolean;
  #unsaid: Msg[] = [];
  #doubts = 0;
  #inDoubt = false;

  /** @param options.remembers Whether `confirm` will be asked for what was said. */
  constructor({ remembers }: { readonly remembers: boolean }) {
    this.#remembers = remembers;
  }

  /** How often the stream may have become another one. */
  get doubts(): number {
    return this.#doubts;
  }

  get inDoubt(): boolean {
    return this.#inDoubt;
  }

  /** Says that a message is handled, or keeps that in mind until the stream is known. */
  say(delivery: Msg): void {
    if (this.#inDoubt) {
      this.#unsaid.push(delivery);
      return;
    }
    acknowledge(delivery);
    const consumer = deliveryFacts(delivery.reply)?.consumer;
    if (this.#remembers && consumer !== undefined) {
      this.#last.set(consumer, delivery.reply as string);
    }
  }

  /** The stream may be another one. */
  doubt(): void {
    this.#doubts += 1;
    this.#inDoubt = true;
  }

  /**
   * The stream was the one it had been, when it was asked after so many doubts: what was kept in mind is
   * said, unless there was another doubt since.
   */
  trust(doubts: number): void {
    if (doubts !== this.#doubts) return;
    this.#inDoubt = false;
    for (const delivery of this.#unsaid.splice(0)) this.say(delivery);
  }

  /** The stream is another one: nothing of the former is answered any more. */
  forget(): void {
    this.#unsaid = [];
    this.forgetLast();
  }

  /** Nobody waits for what this member has handled. */
  forgetLast(): void {
    this.#last.clear();
  }

  /** Resolves with true when the server has understood all that it was told. Never rejects. */
  async confirm(nats: NatsConnection): Promise<boolean> {
    const told = await Promise.all(
      [...this.#last.values()].map((reply) => confirmAcknowledged(nats, reply)),
    );
    return told.every(Boolean);
  }
}
