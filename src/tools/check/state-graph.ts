import type { Effect } from '../../core/lifecycle/lifecycle.js';
import type { CheckedLifecycle, CheckedState, DeclaredTransition } from './declaration.js';

/** A transition with its states as numbers. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly transition: DeclaredTransition;
}

/** A creation with its state as a number. */
export interface CreationEdge {
  readonly to: number;
  readonly effects: readonly Effect[];
}

/** A lifecycle as a graph over numbered states, so that paths over thousands of them stay cheap. */
export interface StateGraph {
  readonly states: readonly CheckedState[];
  readonly creations: readonly CreationEdge[];
  readonly edges: readonly Edge[];
  /** For each state the edges that leave it, in the order of the declaration. */
  readonly outgoing: readonly (readonly Edge[])[];
}

/** Pure. Every name of the lifecycle is known to be a state. */
export function stateGraph({ states, creations, transitions }: CheckedLifecycle): StateGraph {
  const numbers = new Map(states.map(({ name }, index) => [name, index]));
  const numberOf = (name: string): number => numbers.get(name) ?? 0;
  const outgoing: Edge[][] = states.map(() => []);
  const edges = transitions.map((transition) => ({
    from: numberOf(transition.from),
    to: numberOf(transition.to),
    transition,
  }));
  for (const edge of edges) outgoing[edge.from]?.push(edge);
  return {
    states,
    creations: creations.map(({ state, effects }) => ({ to: numberOf(state), effects })),
    edges,
    outgoing,
  };
}

/** Whether a path ends here: nothing leads to another state. Pure. */
export function isEnd({ states, outgoing }: StateGraph, state: number): boolean {
  if (states[state]?.kind === 'final') return true;
  return (outgoing[state] ?? []).every(({ to }) => to === state);
}
