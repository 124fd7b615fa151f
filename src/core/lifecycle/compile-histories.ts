import type { Condition } from './compile-decisions.js';
import { isWithin, type Configuration, type StateNode, type Transition } from './tree.js';

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

/** That a place was last left in a state, or within it. */
export interface Origin {
  readonly place: StateNode;
  readonly state: StateNode;
}

/** States that a transition leads to, and where a resource must have been for them. */
export interface Aim {
  readonly origins: readonly Origin[];
  readonly targets: readonly StateNode[];
}

/**
 * Resolves targets: each history state stands for every state that can be remembered, then for its
 * default. The first of which all origins hold is meant.
 */
export function aimsOf(targets: readonly StateNode[]): readonly Aim[] {
  return targets.reduce<readonly Aim[]>(
    (aims, target) =>
      aims.flatMap((aim) =>
        aimsOfOne(target).map((more) => ({
          origins: [...aim.origins, ...more.origins],
          targets: [...aim.targets, ...more.targets],
        })),
      ),
    [{ origins: [], targets: [] }],
  );
}

function aimsOfOne(target: StateNode): readonly Aim[] {
  const { history, parent: place } = target;
  if (history === undefined || place === undefined) return [{ origins: [], targets: [target] }];
  const states = history.deep ? leavesOf(place) : place.children;
  const remembered = states.map((state) => ({ origins: [{ place, state }], targets: [state] }));
  return [...remembered, ...aimsOf(history.targets)];
}

/**
 * Whether a transition leaves an active place before it returns to it: then the state that is left now is
 * the remembered one.
 */
export function leaves({ source, targets = [], reenter }: Transition, place: StateNode): boolean {
  const stays = source === place ? !reenter : isWithin(source, place);
  return !stays || !targets.every((target) => isWithin(target, place));
}
