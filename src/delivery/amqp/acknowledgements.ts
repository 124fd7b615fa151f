import type { Channel, Message } from 'amqplib';

/**
 * Acknowledges the deliveries of one channel, as many as it can in one frame: what was settled in a turn
 * of the event loop goes out at its end, the run from the oldest on by a single `multiple`. Nothing is
 * acknowledged before it is settled; a crash in between brings back what was handled, as at any other
 * time before the broker has an acknowledgement.
 *
 * The channel must have a single consumer and nobody else who acknowledges, so that delivery tags rise
 * by one.
 */
export class Acknowledgements {
  readonly #channel: Pick<Channel, 'ack' | 'reject'>;
  /** Settled, and not yet below `#oldest`. True when the broker has been told. */
  readonly #settled = new Map<number, boolean>();
  /** The oldest delivery that is not settled. */
  #oldest = 1;
  /** Settled in this turn. */
  #due: number[] = [];

  constructor(channel: Pick<Channel, 'ack' | 'reject'>) {
    this.#channel = channel;
  }

  /** The delivery with this tag is done. Never throws. */
  settle(tag: number): void {
    if (this.#due.length === 0) setImmediate(() => this.flush());
    this.#due.push(tag);
    this.#settled.set(tag, false);
  }

  /** Gives the delivery with this tag to the broker's dead-lettering. Never throws. */
  reject(tag: number): void {
    // Settled already when the run below it is acknowledged.
    this.#settled.set(tag, true);
    try {
      this.#channel.reject({ fields: { deliveryTag: tag } } as Message, false);
    } catch {
      // A delivery of a channel that is gone is the broker's again; it will come back.
    }
  }

  /** Sends what is due now. Never throws; safe to call twice. */
  flush(): void {
    const due = this.#due;
    this.#due = [];
    // A tag that was acknowledged by itself is unknown to the broker: the run must end with another.
    let last = 0;
    for (let told = this.#settled.get(this.#oldest); told !== undefined;) {
      if (!told) last = this.#oldest;
      this.#settled.delete(this.#oldest);
      this.#oldest += 1;
      told = this.#settled.get(this.#oldest);
    }
    if (last > 0) this.#send(last, true);
    for (const tag of due) {
      if (tag < this.#oldest) continue;
      this.#settled.set(tag, true);
      this.#send(tag, false);
    }
  }

  #send(deliveryTag: number, upTo: boolean): void {
    try {
      this.#channel.ack({ fields: { deliveryTag } } as Message, upTo);
    } catch {
      // A delivery of a channel that is gone is the broker's again; it will come back.
    }
  }
}
