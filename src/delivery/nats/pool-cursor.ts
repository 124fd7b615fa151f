import type { StreamInfo } from '@nats-io/jetstream';

/**
 * Milliseconds by which two answers about the making of one consumer may differ: a server that was started
 * again tells when it had made the files, and before when it began.
 */
const imprecision = 200;

/**
 * How far the consumers of a pool are in their stream, as the server told last: behind that they begin when
 * somebody deleted them, so that nothing is lost and only the latest is handed out again. Neither clock nor
 * I/O.
 */
export class PoolCursor {
  #created: string | undefined;
  #known: Date | undefined;
  readonly #floors = new Map<string, number>();
  readonly #made = new Map<string, string>();

  /** When the stream was made that the consumers are in. */
  get stream(): string | undefined {
    return this.#created;
  }

  /** Notes that the pool was known then. */
  noteKnown(known: Date): void {
    this.#known = known;
  }

  /** Notes that everything up to `floor` is acknowledged. */
  note(consumer: string, floor: number): void {
    this.#floors.set(consumer, floor);
  }

  /**
   * Behind which place of the stream a consumer that is missing begins; undefined for what comes from now
   * on, because there was none before. A stream that was made anew counts from 1, and is read from there;
   * so is one that was made after the pool.
   */
  startOf(
    consumer: string,
    { created, state }: Pick<StreamInfo, 'created' | 'state'>,
  ): number | undefined {
    if (this.#created === undefined) {
      return this.#known !== undefined && this.#known.getTime() < Date.parse(created)
        ? 0
        : undefined;
    }
    const floor = this.#floors.get(consumer) ?? 0;
    return created === this.#created && floor <= state.last_seq ? floor : 0;
  }

  /** Notes when a consumer was made. */
  noteMade(consumer: string, made: string): void {
    this.#made.set(consumer, made);
  }

  /** Whether this is the consumer that was noted: one that was made anew may be in a stream made anew. */
  isSame(consumer: string, made: string): boolean {
    return this.#made.get(consumer) === made;
  }

  /** Whether it is, if the stream is the same, although its server tells another instant of its making. */
  isNearlySame(consumer: string, made: string): boolean {
    return Math.abs(Date.parse(this.#made.get(consumer) ?? '') - Date.parse(made)) < imprecision;
  }

  /** Notes that the consumers are in this stream. */
  began({ created }: Pick<StreamInfo, 'created'>): void {
    if (created !== this.#created) {
      this.#floors.clear();
      this.#made.clear();
    }
    this.#created = created;
  }
}
