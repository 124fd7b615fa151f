import { placeOf, type PartitionStart } from './committer.js';
import type { KafkaAdmin } from './driver.js';

/** Some partitions of a topic. */
export interface TopicShare {
  readonly topic: string;
  readonly partitions: number[];
}

interface StartOffsetsOptions {
  readonly admin: KafkaAdmin;
  /** The group that remembers; undefined where none does. */
  readonly group: string | undefined;
  readonly topics: readonly string[];
  /** Where a group that remembers nothing yet begins. */
  readonly from: 'beginning' | 'end';
}

/**
 * From where partitions are read: from what the group remembers, or from where this process was; where
 * there is neither, from the end of the log at `begin`, and a partition that was added later from its
 * beginning.
 */
export class StartOffsets {
  readonly #options: StartOffsetsOptions;
  #ends: ReadonlyMap<string, bigint> = new Map();
  /** Where this process was. */
  #positions: ReadonlyMap<string, bigint> = new Map();

  constructor(options: StartOffsetsOptions) {
    this.#options = options;
  }

  /** Notes where the logs end now, for a group that remembers nothing. */
  async begin(): Promise<void> {
    const { admin, group, topics, from } = this.#options;
    if (group !== undefined) {
      const remembered = await this.#remembered(group);
      if ([...remembered.values()].some((offset) => offset >= 0n)) return;
    }
    const ends = new Map<string, bigint>();
    for (const topic of topics) {
      for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
        ends.set(placeOf(topic, partition), BigInt(from === 'end' ? high : low));
      }
    }
    this.#ends = ends;
  }

  /**
   * Notes where this process was. Where a group remembers, that counts for the next join only: later,
   * another member may have had the partition, or somebody may have set the group back.
   */
  keep(positions: readonly (readonly [place: string, position: bigint])[]): void {
    this.#positions = new Map(
      this.#options.group === undefined ? [...this.#positions, ...positions] : positions,
    );
  }

  /** Resolves with whether records were deleted before they could be read, too. */
  async of(
    share: readonly TopicShare[],
  ): Promise<{ readonly starts: readonly PartitionStart[]; readonly missed: boolean }> {
    const { admin, group } = this.#options;
    const remembered =
      group === undefined ? new Map<string, bigint>() : await this.#remembered(group);
    const starts: PartitionStart[] = [];
    let missed = false;
    for (const { topic, partitions } of share) {
      const log = await admin.fetchTopicOffsets(topic);
      for (const partition of partitions) {
        const place = placeOf(topic, partition);
        const ends = log.find((each) => each.partition === partition);
        const [low, high] = [BigInt(ends?.low ?? 0), BigInt(ends?.high ?? 0)];
        const committed = nonNegative(remembered.get(place));
        const wanted =
          latest(committed, this.#positions.get(place)) ?? this.#ends.get(place) ?? low;
        // Deleted before it was read, or the whole log is another than it was.
        const gone = wanted < low || wanted > high;
        if (gone) missed = true;
        starts.push({ topic, partition, start: gone ? low : wanted, committed });
      }
    }
    return { starts, missed };
  }

  async #remembered(groupId: string): Promise<ReadonlyMap<string, bigint>> {
    const { admin, topics } = this.#options;
    const offsets = await admin.fetchOffsets({ groupId, topics: [...topics] });
    return new Map(
      offsets.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset }) => [placeOf(topic, partition), BigInt(offset)]),
      ),
    );
  }
}

/** Kafka says -1 for nothing. */
function nonNegative(offset: bigint | undefined): bigint | undefined {
  return offset !== undefined && offset >= 0n ? offset : undefined;
}

function latest(a: bigint | undefined, b: bigint | undefined): bigint | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a > b ? a : b;
}
