import type { StreamInfo } from '@nats-io/jetstream';

/**
 * Milliseconds by which two answers about the making of one consumer may differ: a server that was started
 * again tells when it had made the files, and before when it began. Members take longer to make one again.
 */
const imprecision = 200;

/**
 * How far the consumers of a pool are in their stream, as the server told last: behind that they begin when
 * somebody deleted them, so that nothing is lost and only the latest is handed out again. Neither clock nor
 * I/O.
 */
export class PoolPlace {
  #created: string | undefined;
  readonly #floors = new Map<string, number>();
  readonly #made = new Map<string, number>();

  /** When the stream was made that the consumers are in. */
  get stream(): string | undefined {
    return this.#created;
  }

  /** Notes that everything up to `floor` is acknowledged. */
  note(consumer: string, floor: number): void {
    this.#floors.set(consumer, floor);
  }

  /**
   * Behind which place of the stream a consumer that is missing begins; undefined for what comes from now
   * on, because there was none before. A stream that was made anew counts from 1, and is read from there.
   */
  startOf(
    consumer: string,
    { created, state }: Pick<StreamInfo, 'created' | 'state'>,
  ): number | undefined {
    if (this.#created === undefined) return undefined;
    const floor = this.#floors.get(consumer) ?? 0;
    return created === this.#created && floor <= state.last_seq ? floor : 0;
  }

  /** Notes when a consumer was made. */
  noteMade(consumer: string, made: string): void {
    this.#made.set(consumer, Date.parse(made));
  }

  /** Whether this is the consumer that was noted: one that was made anew may be in a stream made anew. */
  isSame(consumer: string, made: string): boolean {
    return Math.abs((this.#made.get(consumer) ?? NaN) - Date.parse(made)) < imprecision;
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
