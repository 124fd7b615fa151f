import type { OriginSource } from '../../context/origin-source.js';
import { backoff, type Backoff } from '../../delivery/relay/backoff.js';
import { Wakeup } from '../../delivery/relay/wakeup.js';
import type { ResourceBinding } from '../../persistence/resource/binding.js';
import type { DueDeadline } from '../../core/stores/deadline-store.js';
import type { Store } from '../../persistence/store.js';
import { type DeadlineTarget, fireDeadline, knowsDeadline } from './fire-deadline.js';

/** How deadlines are swept. */
export interface SweeperOptions {
  /**
   * The longest time in milliseconds between two looks for due deadlines. Default 1000: that late a
   * deadline fires at most which was armed after the last look. Others fire when they are due.
   */
  readonly pollInterval?: number;
  /** Deadlines fired at once. Default 100. */
  readonly batch?: number;
  /** Milliseconds that `stop` waits for deadlines under way. Default 10,000. */
  readonly stopTimeout?: number;
  /**
   * Told when a deadline could not be fired, or the due ones could not be read (`due` is undefined).
   * It stays armed and is tried again with growing delays.
   */
  readonly onFailure?: (error: unknown, due: DueDeadline | undefined) => void;
}

/** What a sweeper is made of. */
export interface SweeperSetup {
  readonly store: Pick<Store, 'deadlines'>;
  /** The resources of this application; deadlines of others on the same database are left alone. */
  readonly registry: {
    readonly bindings: readonly ResourceBinding[];
    find(resource: string): ResourceBinding | undefined;
  };
  readonly transitions: DeadlineTarget;
  readonly origin: OriginSource;
  /** Called after something was committed. */
  readonly wake: () => void;
  readonly options?: SweeperOptions | undefined;
}

/** Fires deadlines when they are due. */
export interface Sweeper {
  /** Begins to work, in the background. Neither waits nor throws. */
  start(): void;
  /** Waits for deadlines under way, for `stopTimeout` at most. Never rejects; safe to call twice. */
  stop(): Promise<void>;
}

/**
 * Creates a sweeper. Several may work on one database: a deadline fires once, in the commit that
 * removes it. A sweeper keeps nothing: what became due while none ran fires when one starts.
 */
export function createSweeper(setup: SweeperSetup): Sweeper {
  return new DeadlineSweeper(setup);
}

interface Postponed {
  readonly delays: Backoff;
  until: number;
}

class DeadlineSweeper implements Sweeper {
  readonly #setup: SweeperSetup;
  readonly #pollInterval: number;
  readonly #batch: number;
  readonly #stopTimeout: number;
  readonly #resources: readonly string[];
  readonly #wakeup = new Wakeup();
  /** Deadlines that could not be fired. */
  #postponed = new Map<string, Postponed>();
  #stopping = false;
  #running: Promise<void> | undefined;

  constructor(setup: SweeperSetup) {
    const { pollInterval = 1000, batch = 100, stopTimeout = 10_000 } = setup.options ?? {};
    this.#setup = setup;
    this.#pollInterval = pollInterval;
    this.#batch = batch;
    this.#stopTimeout = stopTimeout;
    this.#resources = setup.registry.bindings
      .filter(({ lifecycle }) => lifecycle.table.deadlines.size > 0)
      .map(({ resource }) => resource);
  }

  start(): void {
    // Without deadlines there is nothing to look for.
    if (this.#resources.length > 0 && !this.#stopping) this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeup.set();
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#stopTimeout);
    });
    await Promise.race([this.#running, expired]);
    clearTimeout(timer);
  }

  async #run(): Promise<void> {
    const delays = backoff(100, 5000);
    while (!this.#stopping) {
      let wait: number;
      try {
        wait = await this.#sweep();
        delays.reset();
      } catch (error) {
        this.#failed(error, undefined);
        wait = delays.next();
      }
      await this.#wakeup.wait(wait);
    }
  }

  /** Fires what is due; returns how long to wait before the next look. */
  async #sweep(): Promise<number> {
    const { deadlines } = this.#setup.store;
    const seen = new Map<string, Postponed>();
    let skip = 0;
    for (;;) {
      const due = await deadlines.due({ resources: this.#resources, limit: this.#batch, skip });
      const armed = await Promise.all(due.map((each) => this.#fire(each, seen)));
      // Those still armed are found again at the head.
      skip += armed.filter(Boolean).length;
      if (due.length < this.#batch || this.#stopping) break;
    }
    this.#postponed = seen;
    // The next one due may be one of those, and would be looked for at once, again and again.
    if (seen.size > 0) return this.#pollInterval;
    const next = await deadlines.nextDue(this.#resources);
    return Math.min(this.#pollInterval, next ?? this.#pollInterval);
  }

  /** Resolves with whether the deadline is still armed. Never rejects. */
  async #fire(due: DueDeadline, seen: Map<string, Postponed>): Promise<boolean> {
    const key = `${due.resource}/${due.uuid}/${due.deadline}/${due.revision}`;
    const before = this.#postponed.get(key);
    if (before !== undefined && before.until > performance.now()) {
      seen.set(key, before);
      return true;
    }
    const { store, registry, transitions, origin, wake } = this.#setup;
    try {
      const binding = registry.find(due.resource);
      if (binding === undefined || !knowsDeadline(binding, due)) {
        throw new RangeError(
          `${due.resource} declares no deadline ${due.deadline} in this version`,
        );
      }
      const context = { deadlines: store.deadlines, target: transitions, origin };
      if (await fireDeadline(context, binding, due)) wake();
      return false;
    } catch (error) {
      const delays = before?.delays ?? backoff(this.#pollInterval, 60_000);
      seen.set(key, { delays, until: performance.now() + delays.next() });
      this.#failed(error, due);
      return true;
    }
  }

  #failed(error: unknown, due: DueDeadline | undefined): void {
    try {
      this.#setup.options?.onFailure?.(error, due);
    } catch {
      // The deadlines must not depend on who watches them.
    }
  }
}
