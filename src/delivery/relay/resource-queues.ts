import { partitionCount, type OutboxRecord } from '../../core/stores/outbox-store.js';

/** A row in the relay's memory. */
export interface QueuedRow {
  readonly row: OutboxRecord;
  /** Key that order is kept by: the uuid, or the event's own id where it concerns no resource. */
  readonly key: string;
  /** The lease's generation under which the row was read. */
  readonly generation: number;
}

interface Queue {
  rows: QueuedRow[];
  /** A row of this key is under way. */
  busy: boolean;
}

/**
 * Rows in memory, first in, first out for each resource, never two of one resource under way. A key is
 * ready when it has rows and none is under way; ready keys take turns. No I/O.
 */
export class ResourceQueues {
  readonly #queues = new Map<string, Queue>();
  /** Keys in the order of their turns. May hold keys that are no longer ready; `take` passes them. */
  #turns: string[] = [];
  #nextTurn = 0;
  #size = 0;
  readonly #sizes: number[] = Array.from({ length: partitionCount }, () => 0);

  /** Rows that wait; rows under way are not counted. */
  get size(): number {
    return this.#size;
  }

  /** Rows of a partition that wait. */
  sizeOf(partition: number): number {
    return this.#sizes[partition] ?? 0;
  }

  /** Adds a row behind the others of its key. */
  add(item: QueuedRow): void {
    const queue = this.#queue(item.key);
    queue.rows.push(item);
    this.#count(item, 1);
    if (!queue.busy && queue.rows.length === 1) this.#turns.push(item.key);
  }

  /** Takes the first row of the next ready key, which is busy until `done` or `putBack`. */
  take(): QueuedRow | undefined {
    while (this.#nextTurn < this.#turns.length) {
      const queue = this.#queues.get(this.#turns[this.#nextTurn] as string);
      this.#nextTurn += 1;
      this.#forgetPastTurns();
      if (queue === undefined || queue.busy) continue;
      const item = queue.rows.shift();
      if (item === undefined) continue;
      queue.busy = true;
      this.#count(item, -1);
      return item;
    }
    return undefined;
  }

  /** The row taken from this key has been dealt with: the next one is ready. */
  done(key: string): void {
    const queue = this.#queues.get(key);
    if (queue === undefined) return;
    queue.busy = false;
    if (queue.rows.length === 0) this.#queues.delete(key);
    else this.#turns.push(key);
  }

  /** The row taken must be tried again, before all others of its key. */
  putBack(item: QueuedRow): void {
    const queue = this.#queue(item.key);
    queue.rows.unshift(item);
    queue.busy = false;
    this.#count(item, 1);
    this.#turns.push(item.key);
  }

  /** Removes and returns the waiting rows of a key. */
  removeKey(key: string): readonly QueuedRow[] {
    return this.#removeRows(key, () => true);
  }

  /** Removes and returns the waiting rows of some partitions. */
  removePartitions(partitions: ReadonlySet<number>): readonly QueuedRow[] {
    return [...this.#queues.keys()].flatMap((key) =>
      this.#removeRows(key, ({ row }) => partitions.has(row.partition)),
    );
  }

  #removeRows(key: string, unwanted: (item: QueuedRow) => boolean): readonly QueuedRow[] {
    const queue = this.#queues.get(key);
    const removed = queue?.rows.filter(unwanted) ?? [];
    if (queue === undefined || removed.length === 0) return [];
    queue.rows = queue.rows.filter((item) => !unwanted(item));
    for (const item of removed) this.#count(item, -1);
    if (queue.rows.length === 0 && !queue.busy) this.#queues.delete(key);
    return removed;
  }

  #queue(key: string): Queue {
    let queue = this.#queues.get(key);
    if (queue === undefined) {
      queue = { rows: [], busy: false };
      this.#queues.set(key, queue);
    }
    return queue;
  }

  #count({ row }: QueuedRow, change: number): void {
    this.#size += change;
    this.#sizes[row.partition] = this.sizeOf(row.partition) + change;
  }

  #forgetPastTurns(): void {
    if (this.#nextTurn < 1024 || this.#nextTurn * 2 < this.#turns.length) return;
    this.#turns = this.#turns.slice(this.#nextTurn);
    this.#nextTurn = 0;
  }
}
