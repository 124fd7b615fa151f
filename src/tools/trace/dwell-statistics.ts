import type { StateDwell } from './trace-report.js';

/** Adds up how long resources stay in each state. */
export class DwellStatistics {
  readonly #states: ReadonlyMap<string, { stays: number; total: number; longest: number }>;

  constructor(states: readonly string[]) {
    this.#states = new Map(states.map((state) => [state, { stays: 0, total: 0, longest: 0 }]));
  }

  /** @param duration Milliseconds. A state that is not declared is not counted. */
  add(state: string, duration: number): void {
    const entry = this.#states.get(state);
    if (entry === undefined) return;
    entry.stays += 1;
    entry.total += duration;
    entry.longest = Math.max(entry.longest, duration);
  }

  get states(): readonly StateDwell[] {
    return [...this.#states].map(([state, { stays, total, longest }]) => ({
      state,
      stays,
      average: stays === 0 ? 0 : Math.round(total / stays),
      longest,
    }));
  }
}
