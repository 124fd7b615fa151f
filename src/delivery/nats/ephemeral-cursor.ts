import type { StreamInfo } from '@nats-io/jetstream';

/** Where the consumer of an ephemeral subscription begins. */
export interface EphemeralStart {
  /** Delivery begins after this stream sequence; undefined begins with new messages. */
  readonly after: number | undefined;
  /** True when messages may have passed unseen since the last consumer. */
  readonly missed: boolean;
}

/**
 * How far an ephemeral subscription is in its stream, so that it goes on there when its consumer was lost.
 * A stream that was deleted and made again counts from 1, and one that was purged has lost what was not
 * read: both are told. Neither clock nor I/O.
 */
export class EphemeralCursor {
  #last: number | undefined;
  #created: string | undefined;

  /** Notes a message that came. */
  note(sequence: number): void {
    this.#last = Math.max(this.#last ?? 0, sequence);
  }

  /** Where to begin, or to go on, in the stream as it is now. Safe to call again without having begun. */
  startIn({ created, state }: Pick<StreamInfo, 'created' | 'state'>): EphemeralStart {
    if (this.#created === undefined) {
      this.#created = created;
      this.#last = state.last_seq;
      return { after: undefined, missed: false };
    }
    const last = this.#last ?? 0;
    // What the former stream had taken, and the subscription had not, is gone.
    if (created !== this.#created || state.last_seq < last) return { after: 0, missed: true };
    return { after: last, missed: state.first_seq > last + 1 };
  }

  /** Notes that the consumer was made in this stream. */
  began({ created }: Pick<StreamInfo, 'created'>): void {
    if (created !== this.#created) this.#last = 0;
    this.#created = created;
  }
}
