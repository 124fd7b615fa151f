import type {
  AnyLifecycle,
  StateOf,
  TransitionDeclaration,
} from '../../core/lifecycle/lifecycle.js';
import { plan } from '../../core/lifecycle/plan.js';
import type { PositionEdge } from '../../core/lifecycle/positions.js';
import { coverEdges } from './cover-edges.js';
import { outgoing, pathOf, usableEdges, type PathOf, type PathOptions } from './path.js';

/** How paths that cover something are cut. */
export interface CoverOptions extends PathOptions {
  /** The most transitions in one path. Default 25: more makes fewer tests, less makes clearer ones. */
  readonly longest?: number;
}

/**
 * Generates ways through a lifecycle to test with. All pure. Guards are taken to hold: give `follow` a
 * context for each guarded transition, or leave guarded ones out with `where`.
 *
 * @example
 * ```ts
 * for (const path of paths.allTransitions(volume)) it(path.name, () => follow(volume, path));
 * ```
 */
export const paths = Object.freeze({
  /** Paths that together take every transition of the lifecycle. */
  allTransitions<L extends AnyLifecycle>(
    lifecycle: L,
    { longest = 25, ...options }: CoverOptions = {},
  ): readonly PathOf<L>[] {
    const edges = usableEdges(lifecycle, options);
    return coverEdges(edges, lifecycle.initialStates, longest).map((walk) => {
      const steps = walk.map(({ transition }) => transition);
      return pathOf(lifecycle, steps[0]?.from ?? lifecycle.initial, steps);
    });
  },

  /**
   * Paths that together take every pair of transitions that can follow each other: what a transition
   * leaves behind (a deadline, a meter) shows only in what comes after it. Many: 512
   * for the virtual machine, which has 58 transitions.
   */
  allPairs<L extends AnyLifecycle>(
    lifecycle: L,
    { longest = 25, ...options }: CoverOptions = {},
  ): readonly PathOf<L>[] {
    type Taken = PositionEdge<TransitionDeclaration>;
    const transitions = usableEdges(lifecycle, options);
    const leaving = outgoing(transitions);
    const pairs = transitions.flatMap((from) =>
      (leaving.get(from.to) ?? []).map((to) => ({ from, to })),
    );
    const starts = lifecycle.initialStates.flatMap((state) => leaving.get(state) ?? []);
    return coverEdges<Taken, (typeof pairs)[number]>(pairs, starts, Math.max(1, longest - 1)).map(
      (walk) => {
        const edges = [...walk.slice(0, 1).map(({ from }) => from), ...walk.map(({ to }) => to)];
        const steps = edges.map(({ transition }) => transition);
        return pathOf(lifecycle, steps[0]?.from ?? lifecycle.initial, steps);
      },
    );
  },

  /** The shortest path from one state to another by events a caller may send; undefined if none. */
  shortest<L extends AnyLifecycle>(
    lifecycle: L,
    from: StateOf<L>,
    to: StateOf<L>,
  ): PathOf<L> | undefined {
    const way = plan(lifecycle, from, to);
    return way.possible ? pathOf(lifecycle, from, way.steps, way.remembered) : undefined;
  },

  /**
   * Turns a list of numbers into a walk: the first chooses where the resource is created, each other one
   * the next transition, and any number chooses something. Map a generator of number lists with it,
   * and the walks shrink as the lists do.
   *
   * @example
   * ```ts
   * const walks = fc.array(fc.nat()).map(paths.walker(volume));
   * fc.assert(fc.property(walks, (walk) => void follow(volume, walk)));
   * ```
   */
  walker<L extends AnyLifecycle>(
    lifecycle: L,
    options: PathOptions = {},
  ): (choices: readonly number[]) => PathOf<L> {
    const leaving = outgoing(usableEdges(lifecycle, options));
    return ([creation = 0, ...choices]) => {
      const start = chosen(lifecycle.initialStates, creation) ?? lifecycle.initial;
      const steps: TransitionDeclaration[] = [];
      let position: string = start;
      for (const choice of choices) {
        const edge = chosen(leaving.get(position) ?? [], choice);
        if (edge === undefined) break;
        steps.push(edge.transition);
        position = edge.to;
      }
      return pathOf(lifecycle, start, steps);
    };
  },
});

function chosen<T>(list: readonly T[], choice: number): T | undefined {
  return list[Math.abs(Math.trunc(choice)) % list.length];
}
