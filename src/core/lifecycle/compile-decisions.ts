import type { OriginCondition, TableGuard } from './lifecycle.js';

/** A question about context and event that only the moment of the step can answer. */
export interface Condition extends Omit<TableGuard, 'expected'> {
  /** Equal for conditions that always have the same answer. */
  readonly key: string;
  /** Set on a question about what the resource remembers. */
  readonly origin?: OriginCondition;
}

/** Answers a condition while one run is traced. */
export type Ask = (condition: Condition) => boolean;

/** One way a run can go: the answers it takes, in the order they were asked for, and what comes out. */
export interface Decision<T> {
  readonly guards: readonly TableGuard[];
  readonly outcome: T;
}

/**
 * Runs `run` once for every combination of answers it asks for, and returns each with its outcome.
 * Later combinations differ from earlier ones at the last question, `true` first, so that the list
 * reads like the candidates of the declaration. Undefined when there are more than `limit`.
 */
export function everyDecision<T>(
  run: (ask: Ask) => T,
  limit: number,
): readonly Decision<T>[] | undefined {
  const decisions: Decision<T>[] = [];
  const path: { readonly condition: Condition; expected: boolean }[] = [];
  for (;;) {
    let asked = 0;
    const answers = new Map<string, boolean>();
    const outcome = run((condition) => {
      const known = answers.get(condition.key);
      if (known !== undefined) return known;
      const step = path[asked] ?? { condition, expected: true };
      path[asked] = step;
      asked += 1;
      answers.set(condition.key, step.expected);
      return step.expected;
    });
    decisions.push({
      guards: withoutImplied(
        path.map(({ condition: { name, test, origin }, expected }) =>
          Object.freeze({ name, test, expected, ...(origin === undefined ? {} : { origin }) }),
        ),
      ),
      outcome,
    });
    if (decisions.length > limit) return undefined;
    while (path.at(-1)?.expected === false) path.pop();
    const last = path.at(-1);
    if (last === undefined) return decisions;
    last.expected = false;
  }
}

/** A resource that left a place in one state did not leave it in another: that need not be asked too. */
function withoutImplied(guards: readonly TableGuard[]): readonly TableGuard[] {
  const known = new Set(
    guards.flatMap(({ origin, expected }) => (expected ? (origin?.place ?? []) : [])),
  );
  return known.size === 0
    ? guards
    : guards.filter(
        ({ origin, expected }) => origin === undefined || expected || !known.has(origin.place),
      );
}
