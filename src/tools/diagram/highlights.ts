import type { ChartTransition } from '../../core/lifecycle/lifecycle.js';
import { deadlineExceeded } from '../../core/lifecycle/lifecycle.js';
import type { DrawnStep } from './options.js';

/** Pure. The dotted paths of the leaves that a state name stands for; several in parallel regions. */
export function leavesOf(name: string): readonly string[] {
  if (!name.startsWith('{')) return [name];
  try {
    return leavesOfValue(JSON.parse(name), '');
  } catch {
    return [name];
  }
}

function leavesOfValue(value: unknown, path: string): readonly string[] {
  if (typeof value === 'string') return [path === '' ? value : `${path}.${value}`];
  if (typeof value !== 'object' || value === null) return [path];
  const entries = Object.entries(value);
  return entries.length === 0
    ? [path]
    : entries.flatMap(([key, inner]) => leavesOfValue(inner, path === '' ? key : `${path}.${key}`));
}

/** Pure. Whether the state at `path` is `around` or lies within it; the machine itself is around all. */
export function isPathWithin(path: string, around: string): boolean {
  return around === '' || path === around || path.startsWith(`${around}.`);
}

/**
 * Steps to point out, by state. A step names resting states; the transition it took may be declared on
 * a state around the one it left, and aim at a state around the one it entered.
 */
export class Highlights {
  readonly #states = new Set<string>();
  readonly #steps: readonly {
    readonly from: readonly string[];
    readonly to: readonly string[];
    readonly event: string | undefined;
  }[];

  constructor(steps: readonly DrawnStep[]) {
    this.#steps = steps.map(({ from, to, event }) => ({
      from: leavesOf(from),
      to: leavesOf(to),
      event,
    }));
    for (const { from, to } of this.#steps)
      for (const leaf of [...from, ...to]) this.#states.add(leaf);
  }

  hasState(path: string): boolean {
    return this.#states.has(path);
  }

  hasTransition(from: string, trigger: ChartTransition['trigger'], target: string): boolean {
    return this.#steps.some(
      (step) =>
        step.from.some((leaf) => isPathWithin(leaf, from)) &&
        step.to.some((leaf) => isPathWithin(leaf, target)) &&
        (step.event === undefined || triggers(trigger, step.event)),
    );
  }
}

function triggers(trigger: ChartTransition['trigger'], event: string): boolean {
  if (trigger.kind === 'deadline') return event === deadlineExceeded;
  if (trigger.kind !== 'event') return false;
  const { event: descriptor } = trigger;
  return (
    descriptor === event ||
    descriptor === '*' ||
    (descriptor.endsWith('.*') &&
      (event === descriptor.slice(0, -2) || event.startsWith(descriptor.slice(0, -1))))
  );
}
