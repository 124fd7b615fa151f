import { placeOf, type Generation } from './committer.js';
import type { KafkaBatchPayload, ReceivedRecord } from './driver.js';
import { isLostMembership } from './kafka-error.js';
import type { PartitionOffsets } from './offsets.js';
import type { RecordSink } from './session-options.js';
import type { WakeableSleep } from '../kit/wakeable-sleep.js';

interface BatchReaderOptions {
  readonly sink: RecordSink;
  readonly sessionTimeout: number;
  readonly sleeper: WakeableSleep;
  readonly stopping: () => boolean;
  /** Called when a record of this generation need not come again. */
  readonly onDone: (of: Generation) => void;
}

/** How far records that are done may run ahead of one that is not: so much is read again after a crash. */
const longestSpan = 10_000;
/** Milliseconds between the signs of life of a member that only waits for its last handlers. */
const stoppingInterval = 500;

/** Hands batches to a sink as fast as it takes them; the member stays in its group meanwhile. */
export class BatchReader {
  readonly #options: BatchReaderOptions;
  /** The highest offset that was handed out, by place. */
  readonly #handedOut = new Map<string, bigint>();

  constructor(options: BatchReaderOptions) {
    this.#options = options;
  }

  /** True for a record that was handed out before. */
  wasHandedOut(topic: string, partition: number, offset: string): boolean {
    const highest = this.#handedOut.get(placeOf(topic, partition));
    return highest !== undefined && BigInt(offset) <= highest;
  }

  /** @param isCurrent false when the partition was given up, and what is left of the batch with it */
  async read(
    payload: KafkaBatchPayload,
    generation: Generation,
    isCurrent: () => boolean,
  ): Promise<void> {
    const { batch } = payload;
    const { sink, sessionTimeout, sleeper, stopping } = this.#options;
    const offsets = generation.get(batch.topic, batch.partition);
    if (offsets === undefined) return;
    const goesOn = (): boolean =>
      payload.isRunning() && !payload.isStale() && !stopping() && isCurrent();
    try {
      for (const record of batch.messages) {
        while (goesOn() && !(sink.hasRoom() && offsets.span < longestSpan)) {
          await sleeper.sleep(sessionTimeout / 10);
          await payload.heartbeat();
        }
        if (!goesOn()) break;
        this.#take(record, batch, generation, offsets);
        payload.resolveOffset(record.offset);
      }
      // While the last handlers end the member stays in its group, and fetches nothing.
      while (stopping() && payload.isRunning()) {
        await sleeper.sleep(stoppingInterval);
        await payload.heartbeat();
      }
    } catch (error) {
      // Only joining again brings back what is forgotten: after any other fault reading goes on behind it.
      if (isLostMembership(error)) sink.forget();
      throw error;
    }
  }

  #take(
    record: ReceivedRecord,
    { topic, partition }: KafkaBatchPayload['batch'],
    generation: Generation,
    offsets: PartitionOffsets,
  ): void {
    const { sink, sleeper, onDone } = this.#options;
    const offset = BigInt(record.offset);
    if (!offsets.begin(offset)) return;
    sink.take(record, topic, partition, () => {
      offsets.end(offset);
      onDone(generation);
      sleeper.wake();
    });
    const place = placeOf(topic, partition);
    const highest = this.#handedOut.get(place);
    if (highest === undefined || offset > highest) this.#handedOut.set(place, offset);
  }
}
