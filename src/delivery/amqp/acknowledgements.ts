import type { Channel, Message } from 'amqplib';

/** A delivery that is acknowledged. */
export interface AcknowledgedDelivery {
  readonly tag: number;
  /** Whether its publisher named it. */
  readonly named: boolean;
  identity(): string;
}

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
  readonly #prefetch: number;
  /** Settled, and not yet below `#oldest`. True when the broker has been told. */
  readonly #settled = new Map<number, boolean>();
  /** The oldest delivery that is not settled. */
  #oldest = 1;
  /** Settled in this turn. */
  #due: AcknowledgedDelivery[] = [];
  /** Sent last and named, at least as many as the broker may not have heard of. */
  #sent: AcknowledgedDelivery[] = [];

  /** @param prefetch how many deliveries the broker lets be unacknowledged */
  constructor(channel: Pick<Channel, 'ack' | 'reject'>, prefetch: number) {
    this.#channel = channel;
    this.#prefetch = prefetch;
  }

  /** The delivery is done. Never throws. */
  settle(delivery: AcknowledgedDelivery): void {
    if (this.#due.length === 0) setImmediate(() => this.flush());
    this.#due.push(delivery);
    this.#settled.set(delivery.tag, false);
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
    for (const delivery of due) if (delivery.named) this.#sent.push(delivery);
    // The broker sends no more than the prefetch beyond what it knows to be acknowledged.
    if (this.#sent.length > 2 * this.#prefetch) this.#sent = this.#sent.slice(-this.#prefetch);
    // A tag that was acknowledged by itself is unknown to the broker: the run must end with another.
    let last = 0;
    for (let told = this.#settled.get(this.#oldest); told !== undefined;) {
      if (!told) last = this.#oldest;
      this.#settled.delete(this.#oldest);
      this.#oldest += 1;
      told = this.#settled.get(this.#oldest);
    }
    if (last > 0) this.#send(last, true);
    for (const { tag } of due) {
      if (tag < this.#oldest) continue;
      this.#settled.set(tag, true);
      this.#send(tag, false);
    }
  }

  /**
   * The channel is lost: returns what was done on it and may come again. Of messages without a name the
   * broker may have heard of one and hand out its like, so of these it returns only what was not sent.
   */
  lost(): readonly AcknowledgedDelivery[] {
    const sent = this.#sent.slice(-this.#prefetch);
    const unsent = this.#due;
    this.#sent = [];
    this.#due = [];
    return [...sent, ...unsent];
  }

  #send(deliveryTag: number, upTo: boolean): void {
    try {
      this.#channel.ack({ fields: { deliveryTag } } as Message, upTo);
    } catch {
      // A delivery of a channel that is gone is the broker's again; it will come back.
    }
  }
}
