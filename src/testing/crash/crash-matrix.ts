import { messageOf } from '../../core/errors/to-error.js';
import type { Failpoint } from '../../core/failpoints/failpoints.js';
import { ExpectationError } from '../expectation-error.js';
import { crashMoments, momentName } from './crash-moments.js';
import { type CrashMoment, runCrash } from './run-crash.js';

/** Options of a crash matrix: the scenario and its check. */
export interface CrashMatrixOptions<TPlace> {
  /**
   * A module that exports `scenario(place)`. It does its work, waits until what it wants to be tried has
   * happened (the event handled, the outbox empty), and returns.
   */
  readonly scenario: URL | string;
  /**
   * Makes a place of its own for each run: a database, an exchange, a file to write to. What it returns
   * must be plain JSON, and is given to the scenario and to `check`. Default none.
   */
  readonly prepare?: () => TPlace | Promise<TPlace>;
  /**
   * Called after each run, the process being dead: start again what an operator would, wait until it has
   * recovered, and throw when something is not as it must be. Also called after a run without a crash.
   */
  readonly check: (run: CrashedRun<TPlace>) => void | Promise<void>;
  /** Undoes `prepare`, whatever happened. */
  readonly dispose?: (place: TPlace) => void | Promise<void>;
  /** Points that the scenario must come to: when it does not, nothing is proven about them. Default none. */
  readonly expected?: readonly Failpoint[];
  /** Processes at once. Default 2. */
  readonly parallel?: number;
  /** Milliseconds for each run, from its start to its death. Default 30,000; it bounds a failure. */
  readonly timeout?: number;
  /** Arguments for node before the module's: `['--import', 'tsx']` for TypeScript. Default none. */
  readonly execArgv?: readonly string[];
  /** Added to the environment of the process; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A run that is over. */
export interface CrashedRun<TPlace> {
  /** Where it was killed; undefined for the run without a crash. */
  readonly crash: CrashMoment | undefined;
  /** `between journal and outbox`, or `without a crash`. */
  readonly name: string;
  readonly place: TPlace;
  /** Output of the process. */
  readonly output: string;
}

/** Runs of a crash matrix, in the order of the steps. Everything in it passed. */
export interface CrashReport {
  readonly crashes: readonly (CrashMoment & { readonly name: string })[];
}

/**
 * Runs a scenario in a process of its own again and again, each time killed with SIGKILL between another
 * pair of steps, and has each outcome checked. A first run without a crash finds out which steps there
 * are. Works in any test runner.
 *
 * Rejects with an `ExpectationError` that lists every crash after which the check threw, every one that
 * did not happen, and every expected point that the scenario does not come to.
 *
 * @example
 * ```ts
 * const { crashes } = await crashMatrix({
 *   scenario: new URL('./scenario.js', import.meta.url),
 *   prepare: async () => ({ database: await freshDatabase() }),
 *   check: async ({ place }) => expect(await lost(place)).toEqual([]),
 * });
 * ```
 */
export async function crashMatrix<TPlace = undefined>(
  options: CrashMatrixOptions<TPlace>,
): Promise<CrashReport> {
  const { expected = [], parallel = 2 } = options;
  const rehearsal = await tried(options, undefined);
  if (rehearsal.fault !== undefined)
    throw failed([rehearsal.fault], 'a run without a crash to pass');
  const reached = rehearsal.reached.filter((point) => point !== 'end');
  const missing = expected.filter((point) => !reached.includes(point));
  if (missing.length > 0) {
    const faults = missing.map((point) => `the scenario does not come to '${point}'`);
    throw failed(faults, `the points ${expected.join(', ')}`);
  }
  const moments = crashMoments(reached);
  const waiting = [...moments];
  const faults = new Map<CrashMoment, string>();
  const worker = async (): Promise<void> => {
    for (let moment = waiting.shift(); moment !== undefined; moment = waiting.shift()) {
      const { fault } = await tried(options, moment);
      if (fault !== undefined) faults.set(moment, fault);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, parallel) }, worker));
  if (faults.size > 0) {
    throw failed(
      moments.flatMap((moment) => faults.get(moment) ?? []),
      'nothing wrong after any crash',
    );
  }
  return { crashes: moments.map((moment) => ({ ...moment, name: momentName(moment) })) };
}

interface Tried {
  readonly reached: readonly (Failpoint | 'end')[];
  readonly fault?: string;
}

/** One run in a place of its own. Rejects only when the place cannot be made or undone. */
async function tried<TPlace>(
  options: CrashMatrixOptions<TPlace>,
  crash: CrashMoment | undefined,
): Promise<Tried> {
  const name = crash === undefined ? 'without a crash' : momentName(crash);
  const place = (await options.prepare?.()) as TPlace;
  try {
    const { reached, killed, code, signal, output } = await runCrash(
      { scenario: String(options.scenario), place, kill: crash },
      {
        execArgv: options.execArgv ?? [],
        env: options.env ?? {},
        timeout: options.timeout ?? 30_000,
      },
    );
    const ended = crash === undefined ? code === 0 : killed;
    if (!ended) {
      const how = signal === null ? `ended with code ${String(code)}` : `was ended by ${signal}`;
      const points = [...new Set(reached)].join(', ') || 'no point at all';
      return {
        reached,
        fault: `${name}: the process was not killed there, but ${how}, having come to ${points}\n${output.trim().slice(-2000)}`,
      };
    }
    await options.check({ crash, name, place, output });
    return { reached };
  } catch (error) {
    return {
      reached: [],
      fault: `${name}: ${messageOf(error)}`,
    };
  } finally {
    await options.dispose?.(place);
  }
}

function failed(faults: readonly string[], expected: string): ExpectationError {
  return new ExpectationError(faults.join('\n'), {
    expected,
    actual: faults,
    operator: 'crashMatrix',
  });
}
