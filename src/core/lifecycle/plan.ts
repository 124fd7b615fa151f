import {
  deadlineExceeded,
  type AnyLifecycle,
  type EventOf,
  type RegionStateOf,
  type StateOf,
  type TransitionDeclaration,
} from './lifecycle.js';
import { positionKey, reachableEdges, type PositionEdge } from './positions.js';
import type { Remembered } from './remembered.js';
import { partsOf } from './regions.js';

/** A way from one state to another, or the proof that there is none. */
export type Plan<TState extends string = string, TEvent extends string = string> =
  | {
      readonly possible: true;
      /** The transitions to take, in order; empty when the resource is already there. */
      readonly steps: readonly TransitionDeclaration<TState, TEvent>[];
      /** Remembered state that the step requires; absent where the lifecycle has no history states. */
      readonly remembered?: Remembered;
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
 * Parallel regions: `to` may be a state of a region (`power.Running`), which means every combination that
 * holds it. Between two states of one region the path is that of the region, whatever the others are in.
 *
 * @param options.timeouts Also take timeout transitions, which only the clock triggers. Default false.
 * @param options.remembered What a resource in `from` remembers, as its column holds it. Default: nothing
 *   is known of it, and each state that it may have come from is tried.
 *
 * @example
 * ```ts
 * const way = plan(volume, 'UploadError', 'Expunged');
 * if (way.possible) way.steps.map(({ event }) => event); // ['DestroyRequested', 'ExpungingRequested', …]
 * ```
 */
export function plan<L extends AnyLifecycle>(
  lifecycle: L,
  from: StateOf<L> | RegionStateOf<L>,
  to: StateOf<L> | RegionStateOf<L>,
  options: { readonly timeouts?: boolean; readonly remembered?: Remembered } = {},
): Plan<StateOf<L>, EventOf<L>> {
  type Declaration = TransitionDeclaration<StateOf<L>, EventOf<L>>;
  const part = partOf(lifecycle, from);
  const usable = (part.transitions as readonly Declaration[]).filter(
    ({ event }) => event !== deadlineExceeded || options.timeouts === true,
  );
  const starts = memoriesIn(part, from, options.remembered).map((remembered) => ({
    state: from as StateOf<L>,
    remembered,
  }));
  // The edge by which each position was first reached; breadth first, so by a shortest path.
  const reachedBy = new Map<string, PositionEdge<Declaration> | undefined>(
    starts.map(({ remembered }) => [positionKey(from, remembered), undefined]),
  );
  const reached = new Set<StateOf<L>>([from as StateOf<L>]);
  let last: PositionEdge<Declaration> | undefined;
  const parts = partsOf(lifecycle);
  const isThere = (state: string): boolean => state === to || parts(state).includes(to);
  if (isThere(from)) return { possible: true, steps: [] };
  for (const edge of reachableEdges(usable, starts, lifecycle.table.histories)) {
    if (reachedBy.has(edge.to)) continue;
    reachedBy.set(edge.to, edge);
    reached.add(edge.transition.to);
    if (!isThere(edge.transition.to)) continue;
    last = edge;
    break;
  }
  if (last === undefined) return { possible: false, reachable: [...reached] };
  const steps: Declaration[] = [];
  let start = '';
  for (; last !== undefined; last = reachedBy.get(last.from)) {
    steps.unshift(last.transition);
    start = last.from;
  }
  return lifecycle.table.histories.size === 0
    ? { possible: true, steps }
    : { possible: true, steps, remembered: memoryOf(start) };
}

/** The machine, or the region of a state, that a path is planned in. */
interface PlannedPart {
  readonly transitions: readonly TransitionDeclaration[];
  readonly initialStates: readonly string[];
  readonly histories: ReadonlyMap<string, unknown>;
}

function partOf(
  { states, transitions, initialStates, regions, table: { histories } }: AnyLifecycle,
  state: string,
): PlannedPart {
  const region = states.some(({ name }) => name === state)
    ? undefined
    : regions.find((each) => each.states.some(({ name }) => name === state));
  if (region === undefined) return { transitions, initialStates, histories };
  const entered = region.entries.map((entry) => entry.state);
  return { transitions: region.transitions, initialStates: entered, histories };
}

/** Returns the states that a resource in a state may remember; nothing where no history state asks for it. */
function memoriesIn(
  { transitions, histories, initialStates }: PlannedPart,
  state: string,
  known: Remembered | undefined,
): readonly Remembered[] {
  if (known !== undefined || histories.size === 0) return [known ?? null];
  const edges = reachableEdges(
    transitions,
    initialStates.map((each) => ({ state: each })),
    histories,
  );
  const keys = new Set([...initialStates, ...edges.map(({ to }) => to)]);
  const memories = [...keys].flatMap((key): readonly Remembered[] => {
    return key.split('\n', 1)[0] === state ? [memoryOf(key)] : [];
  });
  return memories.length === 0 ? [null] : memories;
}

function memoryOf(position: string): Remembered {
  const end = position.indexOf('\n');
  return end < 0 ? null : position.slice(end + 1);
}
