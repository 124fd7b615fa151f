import {
  deadlineExceeded,
  type AnyLifecycle,
  type EventOf,
  type StateOf,
  type TransitionDeclaration,
} from './lifecycle.js';

/** A way from one state to another, or the proof that there is none. */
export type Plan<TState extends string = string, TEvent extends string = string> =
  | {
      readonly possible: true;
      /** The transitions to take, in order; empty when the resource is already there. */
      readonly steps: readonly TransitionDeclaration<TState, TEvent>[];
    }
  | {
      readonly possible: false;
      /** Every state that can be reached: no transition leads out of this set, and `to` is not in it. */
      readonly reachable: readonly TState[];
    };

/**
 * The shortest lawful path from one state to another by events a caller may send. Pure, never throws.
 * Guards are taken to hold: each step lists those it depends on. Of several shortest paths, the one
 * whose first differing transition was declared first.
 *
 * @param options.timeouts Also take timeout transitions, which only the clock triggers. Default false.
 *
 * @example
 * ```ts
 * const way = plan(volume, 'UploadError', 'Expunged');
 * if (way.possible) way.steps.map(({ event }) => event); // ['DestroyRequested', 'ExpungingRequested', …]
 * ```
 */
export function plan<L extends AnyLifecycle>(
  lifecycle: L,
  from: StateOf<L>,
  to: StateOf<L>,
  options: { readonly timeouts?: boolean } = {},
): Plan<StateOf<L>, EventOf<L>> {
  type Declaration = TransitionDeclaration<StateOf<L>, EventOf<L>>;
  const outgoing = new Map<string, Declaration[]>();
  for (const transition of lifecycle.transitions as readonly Declaration[]) {
    if (transition.event === deadlineExceeded && options.timeouts !== true) continue;
    const list = outgoing.get(transition.from);
    if (list === undefined) outgoing.set(transition.from, [transition]);
    else list.push(transition);
  }
  // The transition by which each state was first reached; breadth first, so by a shortest path.
  const reachedBy = new Map<StateOf<L>, Declaration | undefined>([[from, undefined]]);
  for (const state of reachedBy.keys()) {
    if (state === to) break;
    for (const transition of outgoing.get(state) ?? []) {
      if (!reachedBy.has(transition.to)) reachedBy.set(transition.to, transition);
    }
  }
  if (!reachedBy.has(to)) return { possible: false, reachable: [...reachedBy.keys()] };
  const steps: Declaration[] = [];
  for (let last = reachedBy.get(to); last !== undefined; last = reachedBy.get(last.from)) {
    steps.unshift(last);
  }
  return { possible: true, steps };
}
