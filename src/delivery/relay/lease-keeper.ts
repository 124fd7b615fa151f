import type { LeaseGrant, LeaseStore } from '../../core/stores/lease-store.js';
import { elapsed, instant, type Instant, type LeaseClock } from './lease-clock.js';
import { Wakeup } from '../kit/wakeup.js';

/** The view of the lease that the rest of a relay uses. */
export interface Lease {
  /** True while publishing is ours alone. Cheap: it is asked before every publish. */
  valid(): boolean;
  /** Tells one holding of a partition from the next; undefined while it is not ours to read. */
  generation(partition: number): number | undefined;
  /** Shares to read from: those held that need not be given back. */
  readable(): readonly number[];
}

/** Options of a lease keeper. */
export interface LeaseKeeperOptions {
  readonly leases: LeaseStore;
  /** Unique among all relays. */
  readonly relay: string;
  /** Milliseconds. */
  readonly duration: number;
  readonly clock: LeaseClock;
  /**
   * Called when the partitions held have changed, with those that may no longer be published, and when a
   * lease that had run out is valid again.
   */
  readonly onChange: (dropped: ReadonlySet<number>) => void;
  /** Called when the lease ran out before it could be renewed. */
  readonly onLost: () => void;
  /** Resolves when nothing of these partitions is under way, so that another relay may begin. */
  readonly quiesce: (partitions: ReadonlySet<number>) => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

interface Holding {
  readonly generation: number;
  /** Being finished, to be given back. */
  readonly leaving: boolean;
}

/**
 * Holds a relay's lease on its partitions. The lease ends by our own clock before it ends by the
 * database's: it is counted from before the renewal was sent, and a fifth of it is kept as a margin for
 * what is already on its way to the broker.
 */
export class LeaseKeeper implements Lease {
  readonly #options: LeaseKeeperOptions;
  readonly #wakeup = new Wakeup();
  #partitions = new Map<number, Holding>();
  #renewed: Instant | undefined;
  #generation = 0;
  #finished: { readonly partition: number; readonly generation: number }[] = [];
  #stopping = false;
  #tried!: () => void;
  #running: Promise<void> = Promise.resolve();

  /** Resolves when the lease was asked for once, whether or not it was granted. */
  readonly tried = new Promise<void>((resolve) => {
    this.#tried = resolve;
  });

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = this.#run();
  }

  /**
   * Gives back every partition but those where something is still under way: these must run out by
   * themselves, because nobody can recall what a broker may yet receive.
   */
  async stop(busy: (partition: number) => boolean): Promise<void> {
    this.#stopping = true;
    this.#wakeup.set();
    await this.#running;
    const { leases, relay, onFailure } = this.#options;
    try {
      await leases.leave(relay, [...this.#partitions.keys()].filter(busy));
    } catch (error) {
      onFailure(error);
    }
    this.#partitions.clear();
    this.#renewed = undefined;
  }

  valid(): boolean {
    return (
      this.#renewed !== undefined &&
      elapsed(this.#options.clock, this.#renewed) < this.#options.duration * 0.8
    );
  }

  generation(partition: number): number | undefined {
    const holding = this.#partitions.get(partition);
    return holding === undefined || holding.leaving ? undefined : holding.generation;
  }

  readable(): readonly number[] {
    return [...this.#partitions].flatMap(([partition, { leaving }]) =>
      leaving ? [] : [partition],
    );
  }

  async #run(): Promise<void> {
    const { leases, relay, duration, onFailure } = this.#options;
    while (!this.#stopping) {
      let delay = duration / 3;
      try {
        await this.#giveBack();
        const began = instant(this.#options.clock);
        const grant = await leases.acquire(relay, duration);
        this.#apply(grant, began);
      } catch (error) {
        onFailure(error);
        delay = duration / 10;
      }
      this.#tried();
      await this.#wakeup.wait(delay);
    }
  }

  #apply({ partitions, surplus }: LeaseGrant, began: Instant): void {
    const { clock, duration, onChange, onLost } = this.#options;
    const wasValid = this.valid();
    // While it had run out, another relay may have held a partition and given it back.
    const interrupted = this.#renewed !== undefined && elapsed(clock, this.#renewed) >= duration;
    const former = this.#partitions;
    const kept = (partition: number) => (interrupted ? undefined : former.get(partition));
    this.#generation += 1;
    this.#partitions = new Map(
      partitions.map((partition) => [
        partition,
        {
          generation: kept(partition)?.generation ?? this.#generation,
          leaving: kept(partition)?.leaving === true || surplus.includes(partition),
        },
      ]),
    );
    this.#renewed = began;
    const gained = partitions.filter((partition) => kept(partition) === undefined);
    const leaving = surplus.filter((partition) => kept(partition)?.leaving !== true);
    const dropped = [...former.keys()].filter(
      (partition) => interrupted || !this.#partitions.has(partition) || leaving.includes(partition),
    );
    if (interrupted) onLost();
    if (!wasValid || gained.length > 0 || dropped.length > 0) onChange(new Set(dropped));
    if (leaving.length > 0) this.#leave(leaving);
  }

  #leave(partitions: readonly number[]): void {
    const finished = partitions.map((partition) => ({
      partition,
      generation: this.#partitions.get(partition)?.generation ?? -1,
    }));
    void this.#options.quiesce(new Set(partitions)).then(() => {
      this.#finished.push(...finished);
      this.#wakeup.set();
    });
  }

  async #giveBack(): Promise<void> {
    const finished = this.#finished.splice(0);
    // A partition lost meanwhile, and perhaps taken again, is not the one that was finished.
    const partitions = finished.flatMap(({ partition, generation }) =>
      this.#partitions.get(partition)?.generation === generation ? [partition] : [],
    );
    if (partitions.length === 0) return;
    try {
      await this.#options.leases.release(this.#options.relay, partitions);
    } catch (error) {
      this.#finished.push(...finished);
      throw error;
    }
    for (const partition of partitions) this.#partitions.delete(partition);
  }
}
