import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import type { TransitionCount } from './trace-report.js';

/**
 * Counts how often each declared transition is taken. Transitions that differ by their guards only are
 * one: a trace does not say what the guards answered.
 */
export class TransitionCoverage {
  readonly #counts = new Map<string, { from: string; event: string; to: string; count: number }>();

  constructor(lifecycle: AnyLifecycle) {
    for (const { from, event, to } of lifecycle.transitions) {
      this.#counts.set(key(from, event, to), { from, event, to, count: 0 });
    }
  }

  /** False when the lifecycle declares no such transition. */
  take(from: string, event: string, to: string): boolean {
    const entry = this.#counts.get(key(from, event, to));
    if (entry === undefined) return false;
    entry.count += 1;
    return true;
  }

  get counts(): readonly TransitionCount[] {
    return [...this.#counts.values()].map((entry) => ({ ...entry }));
  }
}

// Names hold no control characters.
function key(from: string, event: string, to: string): string {
  return `${from}\n${event}\n${to}`;
}
