import type { Condition } from './compile-decisions.js';
import type { Configuration, StateNode } from './tree.js';

/** The places that history states return to, with the paths of the states that can be remembered. */
export function historiesOf(nodes: readonly StateNode[]): ReadonlyMap<string, readonly string[]> {
  return new Map(
    nodes
      .filter(({ histories }) => histories.length > 0)
      .map((place) => [place.path, leavesOf(place).map(({ path }) => path)]),
  );
}

/** The innermost states of a place that has no parallel state in it, in document order. */
export function leavesOf(place: StateNode): readonly StateNode[] {
  return place.children.length === 0 ? [place] : place.children.flatMap(leavesOf);
}

/** The active innermost state of a place that has no parallel state in it. */
export function innermost(place: StateNode, active: Configuration): StateNode {
  const child = place.children.find((each) => active.has(each));
  return child === undefined ? place : innermost(child, active);
}

/** The question whether a resource last left `place` in `state`. */
export function originCondition(place: StateNode, state: StateNode): Condition {
  return {
    name: `from(${state.path})`,
    key: `from ${place.path} ${state.path}`,
    origin: Object.freeze({ place: place.path, within: state.path }),
    test: never,
  };
}

function never(): boolean {
  return false;
}
