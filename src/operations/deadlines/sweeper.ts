import { callback, milliseconds, whole, type Fields } from '../../core/options/fields.js';
import type { DataSource } from 'typeorm';
import type { OriginSource } from '../../context/origin-source.js';
import { backoff, type Backoff } from '../../delivery/kit/backoff.js';
import { alertingWaitMonitor } from '../../delivery/relay/starved-alerts.js';
import { Wakeup } from '../../delivery/kit/wakeup.js';
import { defaultStarvedAfter } from '../../persistence/wait-monitor.js';
import type { Store } from '../../persistence/store.js';
import type { ResourceBinding } from '../../persistence/resource/binding.js';
import type { DueDeadline } from '../../core/stores/deadline-store.js';
import {
  type DeadlineParts,
  type DeadlineTarget,
  type Fired,
  fireDeadline,
} from './fire-deadline.js';
import { actionResource } from '../action/started-actions.js';
import { Reconciler } from './reconciler.js';

/** How deadlines are swept. */
export interface SweeperOptions {
  /**
   * The longest time in milliseconds between two looks for due deadlines. Default 1000: that late a
   * deadline fires at most which was armed after the last look. Others fire when they are due.
   */
  readonly pollInterval?: number;
  /** Deadlines fired at once. Default 100. */
  readonly batch?: number;
  /**
   * Milliseconds between two comparisons of the resources with their deadlines, the first at the start: so
   * those that an older version moved beside, or that were there before, get the deadlines of their state.
   * Default 600,000.
   */
  readonly reconcileInterval?: number;
  /** Milliseconds that `stop` waits for deadlines under way. Default 10,000. */
  readonly stopTimeout?: number;
  /**
   * Milliseconds to wait for a connection or an answer of the database before `onFailure` is called with
   * DATABASE_STARVED, and `ALERT.DATABASE.STARVED` is raised afterwards. Default 5000.
   */
  readonly starvedAfter?: number;
  /**
   * Told when a deadline could not be fired, or the due ones could not be read or compared (`due` is
   * undefined). It stays armed and is tried again with growing delays; one whose resource is not found
   * (DEADLINE_WITHOUT_RESOURCE) every hour.
   */
  readonly onFailure?: (error: unknown, due: DueDeadline | undefined) => void;
}

/** Schema of the sweeper's options. */
export const sweeperFields: Fields<SweeperOptions> = {
  pollInterval: milliseconds(1),
  batch: whole(1, 10_000),
  reconcileInterval: milliseconds(1),
  stopTimeout: milliseconds(0),
  starvedAfter: milliseconds(1),
  onFailure: callback,
};

/** Parts of a sweeper. */
export interface SweeperSetup {
  readonly dataSource: DataSource;
  readonly store: DeadlineParts & Pick<Store, 'append' | 'connectionUse'>;
  /** The resources of this application; deadlines of others on the same database are left alone. */
  readonly registry: {
    readonly bindings: readonly ResourceBinding[];
    find(resource: string): ResourceBinding | undefined;
  };
  readonly transitions: DeadlineTarget;
  /**
   * Ends an action whose process has given no sign in time, and resolves with whether something was
   * announced. Absent: actions are left alone.
   */
  readonly endAbandoned?: (due: DueDeadline) => Promise<boolean>;
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
  readonly #deadlines: SweeperSetup['store']['deadlines'];
  readonly #pollInterval: number;
  readonly #batch: number;
  readonly #stopTimeout: number;
  readonly #resources: readonly string[];
  readonly #reconciler: Reconciler;
  readonly #wakeup = new Wakeup();
  /** Deadlines that could not be fired. */
  #postponed = new Map<string, Postponed>();
  #stopping = false;
  #running: Promise<void> | undefined;

  constructor(setup: SweeperSetup) {
    const {
      pollInterval = 1000,
      batch = 100,
      stopTimeout = 10_000,
      reconcileInterval = 600_000,
      starvedAfter = defaultStarvedAfter,
    } = setup.options ?? {};
    const waits = alertingWaitMonitor({
      store: setup.store,
      work: 'The sweeper of deadlines',
      bound: starvedAfter,
      origin: setup.origin,
      wake: setup.wake,
      onStarved: (error) => this.#failed(error, undefined),
      onFailure: (error) => this.#failed(error, undefined),
    });
    this.#setup = setup;
    this.#deadlines = waits.watching(setup.store.deadlines);
    this.#batch = batch;
    this.#stopTimeout = stopTimeout;
    const { bindings } = setup.registry;
    const declares = bindings.some(({ lifecycle }) => lifecycle.table.deadlines.size > 0);
    this.#pollInterval = declares ? pollInterval : Math.max(pollInterval, reconcileInterval);
    // Those without deadlines too: a version before may have declared some.
    this.#resources = [
      ...bindings.map(({ resource }) => resource),
      ...(setup.endAbandoned === undefined ? [] : [actionResource]),
    ];
    this.#reconciler = new Reconciler({
      dataSource: setup.dataSource,
      store: setup.store,
      bindings,
      interval: reconcileInterval,
      onSettled: () => this.#wakeup.set(),
      onFailure: (error) => this.#failed(error, undefined),
    });
  }

  start(): void {
    if (this.#resources.length === 0 || this.#stopping || this.#running !== undefined) return;
    this.#running = this.#run();
    this.#reconciler.start();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeup.set();
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#stopTimeout);
    });
    await Promise.race([Promise.all([this.#running, this.#reconciler.stop()]), expired]);
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
    const deadlines = this.#deadlines;
    const seen = new Map<string, Postponed>();
    let skip = 0;
    for (;;) {
      const due = await deadlines.due({ resources: this.#resources, limit: this.#batch, skip });
      const results = await Promise.all(due.map((each) => this.#fire(each, seen)));
      // Those still armed are found again at the head.
      skip += results.filter((result) => result === 'armed').length;
      if (due.length < this.#batch || this.#stopping) break;
    }
    this.#postponed = seen;
    // The next one due may be one of those, and would be looked for at once, again and again.
    if (seen.size > 0) return this.#pollInterval;
    const next = await deadlines.nextDue(this.#resources);
    return Math.min(this.#pollInterval, next ?? this.#pollInterval);
  }

  /** Resolves with what became of the deadline. Never rejects. */
  async #fire(due: DueDeadline, seen: Map<string, Postponed>): Promise<Fired['result']> {
    const key = `${due.resource}/${due.uuid}/${due.deadline}/${due.revision}`;
    const before = this.#postponed.get(key);
    if (before !== undefined && before.until > performance.now()) {
      seen.set(key, before);
      return 'armed';
    }
    const {
      dataSource,
      store,
      registry,
      transitions: target,
      origin,
      wake,
      endAbandoned,
    } = this.#setup;
    try {
      if (due.resource === actionResource) {
        if (await endAbandoned?.(due)) wake();
        return 'done';
      }
      const binding = registry.find(due.resource);
      if (binding === undefined) throw new RangeError(`${due.resource} is not registered`);
      const fired = await fireDeadline({ dataSource, store, target, origin }, binding, due);
      if (fired.announced) wake();
      if (fired.result === 'postponed') this.#failed(fired.why, due);
      if (fired.result === 'armed') {
        if (fired.why !== undefined) throw fired.why;
        // Somebody holds the row, for a moment mostly.
        seen.set(key, { delays: backoff(this.#pollInterval, 60_000), until: 0 });
      }
      return fired.result;
    } catch (error) {
      const delays = before?.delays ?? backoff(this.#pollInterval, 60_000);
      seen.set(key, { delays, until: performance.now() + delays.next() });
      this.#failed(error, due);
      return 'armed';
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
