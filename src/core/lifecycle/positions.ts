import type { TransitionDeclaration } from './lifecycle.js';
import { originsHold, readRemembered, rememberedAfter, type Remembered } from './remembered.js';

/** A transition between positions: a state together with what a resource in it remembers. */
export interface PositionEdge<TTransition> {
  /** The position it leaves, as one text. */
  readonly from: string;
  readonly to: string;
  readonly transition: TTransition;
}

/** A position as one text: equal for equal states with equal memories. Pure. */
export function positionKey(state: string, remembered: Remembered = null): string {
  return remembered === null ? state : `${state}\n${remembered}`;
}

/**
 * Every transition that can be taken from some states, by a resource that remembers nothing there, and
 * from what these lead to. Pure. Guards are taken to hold, but not those about the past: these are known.
 */
export function reachableEdges<
  TTransition extends Pick<TransitionDeclaration, 'from' | 'to' | 'guards' | 'remembers'>,
>(
  transitions: readonly TTransition[],
  starts: readonly { readonly state: string; readonly remembered?: Remembered | undefined }[],
  histories: ReadonlyMap<string, unknown>,
): readonly PositionEdge<TTransition>[] {
  const leaving = new Map<string, TTransition[]>();
  for (const transition of transitions) {
    const list = leaving.get(transition.from);
    if (list === undefined) leaving.set(transition.from, [transition]);
    else list.push(transition);
  }
  const met = new Map(
    starts.map(({ state, remembered = null }) => [
      positionKey(state, remembered),
      { state, remembered },
    ]),
  );
  const edges: PositionEdge<TTransition>[] = [];
  for (const [from, { state, remembered }] of met) {
    const memory = readRemembered(histories, remembered);
    for (const transition of leaving.get(state) ?? []) {
      if (!originsHold(transition.guards, memory)) continue;
      const next = rememberedAfter(histories, remembered, transition);
      const to = positionKey(transition.to, next);
      edges.push({ from, to, transition });
      if (!met.has(to)) met.set(to, { state: transition.to, remembered: next });
    }
  }
  return edges;
}

/**
 * Transitions without those that no resource takes: they return to a state from which their own is not
 * reached. Pure.
 */
export function withoutImpossibleReturns(
  transitions: readonly TransitionDeclaration[],
  starts: readonly string[],
  histories: ReadonlyMap<string, unknown>,
): readonly TransitionDeclaration[] {
  if (histories.size === 0) return transitions;
  const edges = reachableEdges(
    transitions,
    starts.map((state) => ({ state })),
    histories,
  );
  const taken = new Set(edges.map(({ transition }) => transition));
  const reached = new Set([...starts, ...edges.map(({ transition }) => transition.to)]);
  return transitions.filter(
    (transition) =>
      taken.has(transition) ||
      !reached.has(transition.from) ||
      transition.guards?.some(({ origin }) => origin !== undefined) !== true,
  );
}
