import type { TopicPartitionOffset } from './driver.js';
import type { OffsetNotes } from './offset-notes.js';
import { PartitionOffsets } from './offsets.js';

/** Where a partition is read from, and what its group remembers. */
export interface PartitionStart {
  readonly topic: string;
  readonly partition: number;
  readonly start: bigint;
  readonly committed: bigint | undefined;
  /** Of the offset that is committed. */
  readonly notes: OffsetNotes;
}

/** How far a member is in a partition. */
export interface KnownPosition {
  readonly place: string;
  readonly position: bigint;
  /** True when the group remembers one, this or an earlier. */
  readonly remembered: boolean;
  /** Notes that this process has sent last; empty where it has sent none. */
  readonly sentNotes: ReadonlySet<string>;
}

/** An offset that a group does not remember yet. */
interface Uncommitted {
  readonly at: TopicPartitionOffset & { readonly metadata: string };
  readonly of: PartitionOffsets;
}

/** The partitions that a member has, from one join of the group to the next. */
export class Generation {
  readonly #partitions = new Map<string, PartitionOffsets>();

  add({ topic, partition, start, committed, notes }: PartitionStart): void {
    this.#partitions.set(placeOf(topic, partition), new PartitionOffsets(start, committed, notes));
  }

  /** Undefined before it is known where the partition begins. */
  get(topic: string, partition: number): PartitionOffsets | undefined {
    return this.#partitions.get(placeOf(topic, partition));
  }

  /** Where reading would go on. */
  positions(): readonly KnownPosition[] {
    return [...this.#partitions].map(([place, { position, committed, sentNotes }]) => ({
      place,
      position,
      remembered: committed !== undefined,
      sentNotes,
    }));
  }

  /** Nobody knows any more what the group remembers: all of it is to be committed again. */
  distrust(): void {
    for (const of of this.#partitions.values()) of.committed = undefined;
  }

  /**
   * Offsets that the group has not committed yet.
   *
   * @param reserve as of `PartitionOffsets.notes`
   */
  uncommitted(reserve: bigint | undefined): readonly Uncommitted[] {
    const found = [];
    for (const [place, of] of this.#partitions) {
      const { position, committed, committedNotes } = of;
      const metadata = of.notes(reserve);
      if (position === committed && metadata === committedNotes) continue;
      found.push({ at: { ...placeFrom(place), offset: String(position), metadata }, of });
    }
    return found;
  }
}

/** Milliseconds until a commit that failed is tried again. */
const retryDelay = 1_000;

/**
 * Makes a group remember how far its member is: a while after something is done, one commit at a time.
 * What could not be committed is committed later, or read again.
 */
export class Committer {
  readonly #send: ((offsets: TopicPartitionOffset[]) => Promise<void>) | undefined;
  readonly #interval: number;
  readonly #reserve: bigint;
  #generation: Generation | undefined;
  #timer: NodeJS.Timeout | undefined;
  #committing: Promise<void> | undefined;
  #stopped = false;

  /**
   * @param send undefined where nothing is to be remembered
   * @param reserve how many records may be handed out between two commits
   */
  constructor(
    send: ((offsets: TopicPartitionOffset[]) => Promise<void>) | undefined,
    interval: number,
    reserve: number,
  ) {
    this.#send = send;
    this.#interval = interval;
    this.#reserve = BigInt(reserve);
  }

  /** Commits for this generation from now on, and no longer for the one before. */
  follow(generation: Generation): void {
    this.#generation = generation;
  }

  get dirty(): boolean {
    if (this.#send === undefined || this.#generation === undefined) return false;
    return this.#generation.uncommitted(this.#reserved).length > 0;
  }

  get #reserved(): bigint | undefined {
    return this.#stopped ? undefined : this.#reserve;
  }

  get underWay(): boolean {
    return this.#committing !== undefined;
  }

  soon(delay = this.#interval): void {
    if (this.#send === undefined || this.#timer !== undefined || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.now();
    }, delay);
  }

  /** Never rejects. */
  async now(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing;
    const generation = this.#generation;
    if (!this.dirty || generation === undefined) return;
    this.#committing = this.#commit(generation).finally(() => {
      this.#committing = undefined;
    });
    await this.#committing;
  }

  /** Commits what is done, and nothing from then on. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.now();
  }

  async #commit(generation: Generation): Promise<void> {
    const uncommitted = generation.uncommitted(this.#reserved);
    for (const { at, of } of uncommitted) of.sentNotes.add(at.metadata);
    try {
      await this.#send?.(uncommitted.map(({ at }) => at));
      for (const { at, of } of uncommitted) {
        of.committed = BigInt(at.offset);
        of.committedNotes = at.metadata;
        of.sentNotes.clear();
        of.sentNotes.add(at.metadata);
      }
      if (this.#generation === generation) return;
      // The client has tried it until after the member joined again: the group was set back by it.
      this.#generation?.distrust();
      this.soon();
    } catch {
      if (this.#generation === generation) this.soon(retryDelay);
    }
  }
}

/** A name for a partition, to be a key of maps. */
export function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function placeFrom(place: string): { readonly topic: string; readonly partition: number } {
  const slash = place.lastIndexOf('/');
  return { topic: place.slice(0, slash), partition: Number(place.slice(slash + 1)) };
}
