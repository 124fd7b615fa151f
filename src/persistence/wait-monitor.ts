import { UnavailableError } from '../core/errors/errors.js';
import { isWaitTimeout } from './commit/database-failure.js';

/** How much of a pool of connections is in use. */
export interface ConnectionUse {
  readonly max: number;
  readonly inUse: number;
  /** Callers that wait for a connection. */
  readonly waiting: number;
}

/** Milliseconds after which a statement of background work counts as starved, unless configured. */
export const defaultStarvedAfter = 5000;

/** Options of a wait monitor. */
export interface WaitMonitorOptions {
  /** The work that waits, as the beginning of a message: "The relay". */
  readonly work: string;
  /** Milliseconds. */
  readonly bound: number;
  /** The pool that the work shares; undefined where it cannot be read. */
  readonly use: () => ConnectionUse | undefined;
  /** Called once for each episode, with an UnavailableError DATABASE_STARVED. */
  readonly onStarved: (error: UnavailableError) => void;
  /** Called when no statement is late any more, with the milliseconds that the episode took. */
  readonly onServed?: (waited: number) => void;
}

/**
 * Notices that background work is kept waiting by the database: by a pool of connections that others have
 * in use, by a pooler, or by the server. The work goes on waiting; a timer for each statement is the cost.
 */
export class WaitMonitor {
  readonly #options: WaitMonitorOptions;
  #late = 0;
  /** When the first late statement of this episode began, of `performance.now()`. */
  #since: number | undefined;

  constructor(options: WaitMonitorOptions) {
    this.#options = options;
  }

  /** The same store, each of whose asynchronous methods is watched. */
  watching<T extends object>(store: T): T {
    return new Proxy(store, {
      get: (target, name, receiver) => {
        const value: unknown = Reflect.get(target, name, receiver);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const began = performance.now();
          const result: unknown = Reflect.apply(value, target, args);
          return result instanceof Promise ? this.#watched(result, began) : result;
        };
      },
    });
  }

  /** Runs one piece of work, watched. */
  watch<T>(work: () => Promise<T>): Promise<T> {
    return this.#watched(work(), performance.now());
  }

  async #watched<T>(result: Promise<T>, began: number): Promise<T> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#late += 1;
      this.#begin(began);
    }, this.#options.bound);
    timer.unref();
    let timedOut = false;
    try {
      return await result;
    } catch (error) {
      timedOut = isWaitTimeout(error);
      if (timedOut) this.#begin(began);
      throw error;
    } finally {
      clearTimeout(timer);
      if (isLate) this.#late -= 1;
      if (!timedOut && this.#late === 0) this.#end();
    }
  }

  #begin(since: number): void {
    if (this.#since !== undefined) return;
    this.#since = since;
    const { work, use, onStarved } = this.#options;
    onStarved(starvedError(work, Math.round(performance.now() - since), use()));
  }

  #end(): void {
    if (this.#since === undefined) return;
    const waited = Math.round(performance.now() - this.#since);
    this.#since = undefined;
    this.#options.onServed?.(waited);
  }
}

function starvedError(
  work: string,
  waited: number,
  use: ConnectionUse | undefined,
): UnavailableError {
  const why =
    use === undefined || use.waiting === 0
      ? 'The database, or a pooler in front of it, has not answered: give the pooler more connections ' +
        '(default_pool_size of PgBouncer), or look for what holds locks.'
      : `${use.inUse} of ${use.max} connections of the pool are in use and ${use.waiting} callers wait: ` +
        'raise poolSize of the DataSource, or end transactions sooner.';
  return new UnavailableError(
    'DATABASE_STARVED',
    `${work} has been waiting for the database for ${waited} ms. ${why}`,
    { parameters: { waited, ...(use === undefined ? {} : { ...use }) } },
  );
}
