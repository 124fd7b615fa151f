import {
  deadlineExceeded,
  triggerOf,
  type AnyLifecycle,
  type EventOf,
  type StateOf,
  type TransitionDeclaration,
} from '../../core/lifecycle/lifecycle.js';
import { reachableEdges, type PositionEdge } from '../../core/lifecycle/positions.js';
import { groupBy } from './group-by.js';

/** A way through a lifecycle, from a state by transitions that follow each other. */
export interface Path<TState extends string = string, TEvent extends string = string> {
  /** For the title of a test: `Volume: Allocated, UploadRequested -> UploadOp, …`. */
  readonly name: string;
  /** Where it begins: a state that a resource can be created in, wherever there is a way from one. */
  readonly start: TState;
  /** The state that the resource's history states return to. Default: nothing. */
  readonly remembered?: string | null;
  readonly steps: readonly TransitionDeclaration<TState, TEvent>[];
}

/** The type of paths through a lifecycle. */
export type PathOf<L extends AnyLifecycle> = Path<StateOf<L>, EventOf<L>>;

/** Options of `paths()`: the transitions to use. */
export interface PathOptions {
  /** Take timeout transitions too, which only the clock triggers. Default true. */
  readonly timeouts?: boolean;
  /** Take only transitions for which this holds, such as those without guards. Default all. */
  readonly where?: (transition: TransitionDeclaration) => boolean;
}

/** The transitions that paths may take, in the order of the declaration. Pure. */
export function usable(
  { transitions }: AnyLifecycle,
  { timeouts = true, where = () => true }: PathOptions,
): readonly TransitionDeclaration[] {
  return transitions.filter(
    (transition) => (timeouts || transition.event !== deadlineExceeded) && where(transition),
  );
}

/**
 * The transitions that paths may take, between positions: a state with what is remembered in it. Those
 * that no creation leads to are left out where the lifecycle has history states. Pure.
 */
export function usableEdges(
  lifecycle: AnyLifecycle,
  options: PathOptions,
): readonly PositionEdge<TransitionDeclaration>[] {
  const transitions = usable(lifecycle, options);
  const { histories } = lifecycle.table;
  if (histories.size === 0) {
    return transitions.map((transition) => ({
      from: transition.from,
      to: transition.to,
      transition,
    }));
  }
  const starts = lifecycle.initialStates.map((state) => ({ state }));
  return reachableEdges(transitions, starts, histories);
}

/** Transitions by the position they leave. Pure. */
export function outgoing<TEdge extends { readonly from: string }>(
  edges: readonly TEdge[],
): ReadonlyMap<string, readonly TEdge[]> {
  return groupBy(edges, ({ from }) => from);
}

/** Puts a path together. Pure. */
export function pathOf<L extends AnyLifecycle>(
  { resource }: L,
  start: string,
  steps: readonly TransitionDeclaration[],
  remembered: string | null = null,
): PathOf<L> {
  const shown = steps.slice(0, shownSteps).map((step) => `, ${triggerOf(step)} -> ${step.to}`);
  const rest = steps.length - shown.length;
  const name = `${resource}: ${start}${shown.join('')}${rest > 0 ? `, and ${rest} more` : ''}`;
  return { name, start, steps, ...(remembered === null ? {} : { remembered }) } as PathOf<L>;
}

// A title longer than this is not read.
const shownSteps = 5;
