import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigurationError } from '../../core/errors/errors.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import { addObserver } from '../observation.js';
import { CoverageCounter, mergeCoverage, type CoverageHits } from './coverage-hits.js';

/** Coverage recording of one test process or file. */
export interface CoverageRecording {
  /** Hits since the recording began, or since the last `flush`. */
  readonly hits: CoverageHits;
  /**
   * Counts a state event of one of these lifecycles, published or read from the journal: so tests of
   * the real SDK count too. Events do not tell of refusals.
   */
  observeEvent(lifecycles: readonly AnyLifecycle[], event: SignalboxEvent): void;
  /** Writes what was counted to a new file in the directory, and begins anew. Nothing counted, none. */
  flush(): void;
  /** Flushes and stops counting. Safe to call twice. */
  stop(): void;
}

const suffix = '.lifecycle-coverage.json';

/**
 * Begins to count what `given`, `follow` and `simulate` exercise. Call it in a set-up file of your test
 * runner and `flush` after each test file: each writes a file of its own, whichever process it is in.
 *
 * @param options.directory Where fragments are written; made when it is missing.
 *
 * @example
 * ```ts
 * const coverage = recordCoverage({ directory: 'coverage/lifecycles' });
 * afterAll(() => coverage.flush());
 * ```
 */
export function recordCoverage({ directory }: { readonly directory: string }): CoverageRecording {
  const counter = new CoverageCounter();
  const remove = addObserver(counter.observe);
  const flush = (): void => {
    const { hits } = counter;
    if (Object.keys(hits).length === 0) return;
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `${randomUUID()}${suffix}`), `${JSON.stringify(hits)}\n`);
    counter.clear();
  };
  return {
    get hits() {
      return counter.hits;
    },
    observeEvent: (lifecycles, event) => counter.observeEvent(lifecycles, event),
    flush,
    stop: () => {
      remove();
      flush();
    },
  };
}

/**
 * Adds up the fragments of a directory. Throws ConfigurationError CONFIG_FILE_INVALID for a fragment
 * that cannot be read; a directory that is missing or empty has exercised nothing.
 */
export function readCoverage(directory: string): CoverageHits {
  return mergeCoverage(fragmentsOf(directory).map((path) => readFragment(path)));
}

/** Removes the fragments of an earlier run, and nothing else, from a directory. */
export function clearCoverage(directory: string): void {
  for (const path of fragmentsOf(directory)) rmSync(path, { force: true });
}

function fragmentsOf(directory: string): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return names.filter((name) => name.endsWith(suffix)).map((name) => join(directory, name));
}

function readFragment(path: string): CoverageHits {
  try {
    // Counting it is the check: what is no fragment has no counts.
    return mergeCoverage([JSON.parse(readFileSync(path, 'utf8')) as CoverageHits]);
  } catch (cause) {
    throw new ConfigurationError(
      'CONFIG_FILE_INVALID',
      `${path} is no coverage fragment. Delete it and run the tests again.`,
      { parameters: { file: path }, cause },
    );
  }
}
