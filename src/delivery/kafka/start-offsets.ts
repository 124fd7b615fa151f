import { placeOf, type KnownPosition, type PartitionStart } from './committer.js';
import type { KafkaAdmin, KafkaDriver } from './driver.js';
import { fetchLogEnds } from './log-ends.js';
import { noNotes, readNotes, type OffsetNotes } from './offset-notes.js';

/** Some partitions of a topic. */
export interface TopicShare {
  readonly topic: string;
  readonly partitions: number[];
}

/** State of a partition that a group remembers. */
interface Remembered {
  readonly offset: bigint;
  readonly metadata: string | null | undefined;
}

interface StartOffsetsOptions {
  readonly driver: KafkaDriver;
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
 * beginning. A log that is not the one it was is read from its beginning.
 */
export class StartOffsets {
  readonly #options: StartOffsetsOptions;
  #ends: ReadonlyMap<string, bigint> = new Map();
  /** Where this process was. */
  #positions: ReadonlyMap<string, bigint> = new Map();
  /** The partitions that the group is known to have remembered an offset of. */
  readonly #remembered = new Set<string>();
  /** Notes that this process has sent last. */
  #sentNotes: ReadonlyMap<string, ReadonlySet<string>> = new Map();

  constructor(options: StartOffsetsOptions) {
    this.#options = options;
  }

  /** Notes where the logs end now, for a group that remembers nothing. */
  async begin(): Promise<void> {
    const { group, topics, from } = this.#options;
    if (group !== undefined) {
      const remembered = await this.#offsetsOf(group);
      if ([...remembered.values()].some(({ offset }) => offset >= 0n)) return;
    }
    const ends = new Map<string, bigint>();
    for (const topic of topics) {
      for (const { partition, high, low } of await fetchLogEnds(this.#options, topic)) {
        ends.set(placeOf(topic, partition), BigInt(from === 'end' ? high : low));
      }
    }
    this.#ends = ends;
  }

  /**
   * Notes where this process was. Where a group remembers, that counts for the next join only: later,
   * another member may have had the partition, or somebody may have set the group back.
   */
  keep(positions: readonly KnownPosition[]): void {
    const kept = new Map(positions.map(({ place, position }) => [place, position]));
    this.#positions =
      this.#options.group === undefined ? new Map([...this.#positions, ...kept]) : kept;
    this.#sentNotes = new Map(positions.map(({ place, sentNotes }) => [place, sentNotes]));
    for (const { place, remembered } of positions) if (remembered) this.#remembered.add(place);
  }

  /** Resolves with whether records were deleted before they could be read, too. */
  async of(
    share: readonly TopicShare[],
  ): Promise<{ readonly starts: readonly PartitionStart[]; readonly missed: boolean }> {
    const { group } = this.#options;
    const offsets =
      group === undefined ? new Map<string, Remembered>() : await this.#offsetsOf(group);
    const starts: PartitionStart[] = [];
    let missed = false;
    for (const { topic, partitions } of share) {
      const log = await fetchLogEnds(this.#options, topic);
      for (const partition of partitions) {
        const place = placeOf(topic, partition);
        const ends = log.find((each) => each.partition === partition);
        const [low, high] = [BigInt(ends?.low ?? 0), BigInt(ends?.high ?? 0)];
        const remembered = offsets.get(place);
        const committed = nonNegative(remembered?.offset);
        const wanted = this.#wanted(place, committed) ?? low;
        // A cluster forgets no group that has members: this one is not the cluster it was, and its logs
        // are others, even where they have grown past where this process was.
        const forgotten = committed === undefined && this.#remembered.has(place);
        const gone = wanted < low || wanted > high || forgotten;
        if (gone) missed = true;
        const notes = gone ? noNotes : this.#notesOf(place, remembered);
        starts.push({ topic, partition, start: gone ? low : wanted, committed, notes });
      }
    }
    this.#note(starts);
    return { starts, missed };
  }

  #notesOf(place: string, remembered: Remembered | undefined): OffsetNotes {
    const metadata = remembered?.metadata;
    const notes = readNotes(metadata);
    // Written by this process, which has not ended: nothing of it is suspect.
    const isOwn = metadata != null && this.#sentNotes.get(place)?.has(metadata) === true;
    return isOwn ? { ...notes, handedOut: 0n } : notes;
  }

  #wanted(place: string, committed: bigint | undefined): bigint | undefined {
    const known = latest(committed, this.#positions.get(place));
    // The first member makes the group remember them; what it does not remember then was added later.
    return known ?? (this.#remembered.size === 0 ? this.#ends.get(place) : undefined);
  }

  #note(starts: readonly PartitionStart[]): void {
    for (const { topic, partition, committed } of starts) {
      const place = placeOf(topic, partition);
      if (committed === undefined) this.#remembered.delete(place);
      else this.#remembered.add(place);
    }
  }

  async #offsetsOf(groupId: string): Promise<ReadonlyMap<string, Remembered>> {
    const { admin, topics } = this.#options;
    const offsets = await admin.fetchOffsets({ groupId, topics: [...topics] });
    return new Map(
      offsets.flatMap(({ topic, partitions }) =>
        partitions.map(({ partition, offset, metadata }) => [
          placeOf(topic, partition),
          { offset: BigInt(offset), metadata },
        ]),
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
