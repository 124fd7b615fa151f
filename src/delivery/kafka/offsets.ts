import { noNotes, writeNotes, type OffsetNotes } from './offset-notes.js';

/**
 * Tracks the finished records of one partition. They are handled at the same time and end in any order,
 * but a group can only remember one offset: the first that is not done.
 */
export class PartitionOffsets {
  readonly #underWay = new Set<bigint>();
  #next: bigint;
  /** The offset that the group remembers. */
  committed: bigint | undefined;
  /** Notes that the group has committed beside it. */
  committedNotes: string;
  /** Notes that this process has sent, the newest that were taken and those of unknown outcome. */
  readonly sentNotes = new Set<string>();
  /** Records before this offset may have been begun by a process that ended. */
  readonly #suspects: bigint;
  readonly #begun: Map<bigint, number>;

  constructor(start: bigint, committed: bigint | undefined, notes: OffsetNotes = noNotes) {
    this.#next = start;
    this.committed = committed;
    this.committedNotes = writeNotes(notes);
    this.#suspects = notes.handedOut;
    this.#begun = new Map([...notes.begun].filter(([offset]) => offset >= start));
  }

  /** The offset to go on from: everything before it is done. */
  get position(): bigint {
    // A set keeps its order, and offsets are begun in rising order.
    for (const first of this.#underWay) return first;
    return this.#next;
  }

  /** How many records lie between the position and the last that was begun. */
  get span(): number {
    return Number(this.#next - this.position);
  }

  /** False for a record that was begun before. */
  begin(offset: bigint): boolean {
    if (offset < this.#next) return false;
    this.#underWay.add(offset);
    this.#next = offset + 1n;
    return true;
  }

  end(offset: bigint): void {
    this.#underWay.delete(offset);
    this.#begun.delete(offset);
  }

  isSuspect(offset: bigint): boolean {
    return offset < this.#suspects;
  }

  /** How many handlers of a record began and did not end. */
  begunOf(offset: bigint): number {
    return this.#begun.get(offset) ?? 0;
  }

  noteBegun(offset: bigint, count: number): void {
    if (count > 0) this.#begun.set(offset, count);
    else this.#begun.delete(offset);
  }

  /**
   * Returns the notes to commit beside the position.
   *
   * @param reserve how many more records may be handed out before the next commit; undefined at the end
   */
  notes(reserve: bigint | undefined): string {
    // What was handed out and is not done is given back by a member that leaves in order.
    const handedOut = reserve === undefined ? 0n : this.#next + reserve;
    return writeNotes({ handedOut, begun: this.#begun });
  }
}
