import { partitionCount, type OutboxRecord } from '../../core/stores/outbox-store.js';
import { ResourceQueues, type QueuedRow } from './resource-queues.js';

/**
 * The rows that a lane has in memory, from the read until the outbox no longer has them. Every read
 * begins at the head of the outbox and passes over these; so the one rule that the order of a resource
 * hangs on is kept here: whoever forgets a row that stays in the outbox forgets all that was read behind
 * it, and what a read under way may yet bring of its resource. No I/O.
 */
export class PublisherRows {
  readonly #queues = new ResourceQueues();
  readonly #known = new Set<number>();
  /** Rows of each partition taken from the queues and still in the outbox. */
  readonly #busy: number[] = Array.from({ length: partitionCount }, () => 0);
  #allBusy = 0;
  /** Resources of which a row was forgotten since the read under way began. */
  readonly #readAgain = new Set<string>();

  /** Rows that wait to be taken. */
  get waiting(): number {
    return this.#queues.size;
  }

  /** Rows of a partition that wait to be taken. */
  waitingOf(partition: number): number {
    return this.#queues.sizeOf(partition);
  }

  get empty(): boolean {
    return this.#queues.size === 0 && this.#allBusy === 0;
  }

  /** True while a row of this partition may yet reach the bus, or be removed. */
  busy(partition: number): boolean {
    return (this.#busy[partition] ?? 0) > 0;
  }

  /** A read begins. Returns the positions that it passes over. */
  beginRead(): readonly number[] {
    this.#readAgain.clear();
    return [...this.#known];
  }

  /**
   * Notes a row that was read. False when the read passed over one that must come first: then the next
   * read finds both.
   */
  note({ position }: OutboxRecord, key: string): boolean {
    if (this.#readAgain.has(key)) return false;
    this.#known.add(position);
    return true;
  }

  /** A row that was noted waits for its turn, behind the others of its resource. */
  add(item: QueuedRow): void {
    this.#queues.add(item);
  }

  /** The first row of a resource that has none under way. */
  take(): QueuedRow | undefined {
    const item = this.#queues.take();
    if (item !== undefined) this.#count(item.row, 1);
    return item;
  }

  /** The bus has the row taken: the next of its resource is ready. It is busy until it is removed. */
  confirm({ key }: QueuedRow): void {
    this.#queues.done(key);
  }

  /** The outbox no longer has rows that were confirmed. */
  remove(rows: readonly OutboxRecord[]): void {
    for (const row of rows) {
      this.#known.delete(row.position);
      this.#count(row, -1);
    }
  }

  /** The row taken must be tried again, before the others of its resource. */
  putBack(item: QueuedRow): void {
    this.#count(item.row, -1);
    this.#queues.putBack(item);
  }

  /** The row taken has left the outbox by another way than over the bus. */
  leave(item: QueuedRow): void {
    this.remove([item.row]);
    this.#queues.done(item.key);
  }

  /** Forgets the row taken, to be read again if the outbox has it. */
  forgetTaken({ row, key }: QueuedRow): void {
    this.#count(row, -1);
    this.forget(row, key);
    this.#queues.done(key);
  }

  /** Forgets a row, to be read again if the outbox has it. */
  forget({ position }: OutboxRecord, key: string): void {
    this.#readAgain.add(key);
    this.#known.delete(position);
    for (const { row } of this.#queues.removeKey(key)) this.#known.delete(row.position);
  }

  /** Takes out the rows that wait behind the one taken of a resource. */
  takeBehind(key: string): readonly OutboxRecord[] {
    return this.#queues.removeKey(key).map(({ row }) => row);
  }

  /** Forgets what waits of some partitions; what is under way goes on. */
  drop(partitions: ReadonlySet<number>): void {
    for (const { row } of this.#queues.removePartitions(partitions))
      this.#known.delete(row.position);
  }

  #count({ partition }: OutboxRecord, change: number): void {
    this.#busy[partition] = (this.#busy[partition] ?? 0) + change;
    this.#allBusy += change;
  }
}

/** Pure. What order is kept for: the uuid, or the event's own id where it concerns no resource. */
export function orderKey({ uuid, id }: OutboxRecord): string {
  return uuid ?? id;
}
