/**
 * Tracks the finished records of one partition. They are handled at the same time and end in any order,
 * but a group can only remember one offset: the first that is not done.
 */
export class PartitionOffsets {
  readonly #underWay = new Set<bigint>();
  #next: bigint;
  /** The offset that the group remembers. */
  committed: bigint | undefined;

  constructor(start: bigint, committed: bigint | undefined) {
    this.#next = start;
    this.committed = committed;
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
  }
}
