import { deadlineExceeded, triggerOf, type AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import type { TransitionCount } from './trace-report.js';

/**
 * Counts how often each declared transition is taken. Transitions that differ by their guards only are
 * one: a trace does not say what the guards answered.
 */
export class TransitionCoverage {
  readonly #counts = new Map<string, TransitionCount & { count: number }>();

  constructor(lifecycle: AnyLifecycle) {
    for (const transition of lifecycle.transitions) {
      const { from, event, deadline, to } = transition;
      this.#counts.set(key(from, triggerOf(transition), to), {
        from,
        event,
        ...(deadline === undefined ? {} : { deadline }),
        to,
        count: 0,
      });
    }
  }

  /** False when the lifecycle declares no such transition. */
  take(from: string, event: string, to: string, deadline?: string): boolean {
    const entry =
      this.#counts.get(key(from, triggerOf({ event, deadline }), to)) ??
      this.#timeout(from, event, to);
    if (entry === undefined) return false;
    entry.count += 1;
    return true;
  }

  get counts(): readonly TransitionCount[] {
    return [...this.#counts.values()].map((entry) => ({ ...entry }));
  }

  /** Of an event that does not tell its deadline, or tells one of another version. */
  #timeout(from: string, event: string, to: string): { count: number } | undefined {
    if (event !== deadlineExceeded) return undefined;
    return [...this.#counts.values()].find(
      (entry) => entry.from === from && entry.event === event && entry.to === to,
    );
  }
}

// Names hold no control characters.
function key(from: string, trigger: string, to: string): string {
  return `${from}\n${trigger}\n${to}`;
}
