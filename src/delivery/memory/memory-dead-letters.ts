import type { DeadLetter, DeadLetters, DeadLetterSelection } from '../bus/bus.js';
import { selects } from '../bus/dead-letter-groups.js';
import { poolUnknown } from '../bus/pool-unknown.js';
import type { MemoryQueue } from './memory-queue.js';

/** Dead letters of the in-process bus, by pool. Beyond its capacity a pool forgets the oldest. */
export class MemoryDeadLetters implements DeadLetters {
  readonly #letters = new Map<string, DeadLetter[]>();
  readonly #capacity: number;
  readonly #queueOf: (pool: string) => MemoryQueue | undefined;
  readonly #busName: string;

  constructor(
    busName: string,
    capacity: number,
    queueOf: (pool: string) => MemoryQueue | undefined,
  ) {
    this.#busName = busName;
    this.#capacity = capacity;
    this.#queueOf = queueOf;
  }

  add(letter: DeadLetter): void {
    const letters = this.#letters.get(letter.pool) ?? [];
    letters.push(letter);
    if (letters.length > this.#capacity) letters.shift();
    this.#letters.set(letter.pool, letters);
  }

  async read(pool: string, selection: DeadLetterSelection = {}): Promise<readonly DeadLetter[]> {
    return this.#select(pool, selection);
  }

  async redrive(pool: string, selection: DeadLetterSelection = {}): Promise<number> {
    if (this.#select(pool, selection).length === 0) return 0;
    const queue = this.#queueOf(pool);
    if (queue === undefined) throw poolUnknown(this.#busName, pool);
    const taken = this.#take(pool, selection);
    for (const { message } of taken) queue.push(message);
    return taken.length;
  }

  async drop(pool: string, selection: DeadLetterSelection = {}): Promise<number> {
    return this.#take(pool, selection).length;
  }

  #take(pool: string, selection: DeadLetterSelection): readonly DeadLetter[] {
    const taken = this.#select(pool, selection);
    const gone = new Set(taken);
    const left = (this.#letters.get(pool) ?? []).filter((letter) => !gone.has(letter));
    this.#letters.set(pool, left);
    return taken;
  }

  #select(pool: string, selection: DeadLetterSelection): readonly DeadLetter[] {
    const letters = this.#letters.get(pool) ?? [];
    const wanted = letters.filter((letter) => selects(selection, letter));
    return wanted.slice(0, selection.limit ?? 100);
  }
}
