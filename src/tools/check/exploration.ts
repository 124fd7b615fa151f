import type { CreationEdge, Edge, StateGraph } from './state-graph.js';
import type { TraceStep } from './trace.js';

/**
 * How a watcher moves along with a path: its mode after a creation and after each transition. A watcher
 * has a few numbered modes (a meter is closed or open), so that a product of states and modes is
 * finite and every path is covered, cycles too. Undefined ends the path here.
 */
export interface Watcher {
  readonly modes: number;
  created(creation: CreationEdge, found: Found): number | undefined;
  moved(mode: number, edge: Edge, found: Found): number | undefined;
}

/** A step of the path that a watcher follows. */
export interface Found {
  /** The shortest path from a creation up to and with this step. */
  trace(): readonly TraceStep[];
}

type Arrival = { readonly creation: CreationEdge } | { readonly node: number; readonly edge: Edge };

/**
 * Everything that can be reached in a graph with a watcher beside it, each by a shortest path, that of
 * several which was declared first. A node is `state * modes + mode`.
 */
export class Exploration {
  readonly #graph: StateGraph;
  readonly #modes: number;
  readonly #arrivals = new Map<number, Arrival>();
  readonly #successors = new Map<number, number[]>();

  /** Explores at once: breadth first, in time and memory of states, modes and transitions multiplied. */
  constructor(graph: StateGraph, watcher: Watcher) {
    this.#graph = graph;
    this.#modes = watcher.modes;
    for (const creation of graph.creations) {
      const found = { trace: () => [creationStep(creation, graph)] };
      const mode = watcher.created(creation, found);
      if (mode !== undefined) this.#arrive(creation.to * this.#modes + mode, { creation });
    }
    // A map is walked in the order of arrival, what arrives meanwhile included.
    for (const node of this.#arrivals.keys()) {
      const next: number[] = [];
      this.#successors.set(node, next);
      const state = this.stateOf(node);
      if (graph.states[state]?.kind === 'final') continue;
      for (const edge of graph.outgoing[state] ?? []) {
        const found = { trace: () => [...this.traceTo(node), edgeStep(edge)] };
        const mode = watcher.moved(this.modeOf(node), edge, found);
        if (mode === undefined) continue;
        const target = edge.to * this.#modes + mode;
        next.push(target);
        this.#arrive(target, { node, edge });
      }
    }
  }

  /** In the order of arrival: the nearest first. */
  get nodes(): Iterable<number> {
    return this.#arrivals.keys();
  }

  stateOf(node: number): number {
    return Math.floor(node / this.#modes);
  }

  modeOf(node: number): number {
    return node % this.#modes;
  }

  successors(node: number): readonly number[] {
    return this.#successors.get(node) ?? [];
  }

  /** The nodes from which a path leads to one of `targets`, those included. */
  leadingTo(targets: Iterable<number>): ReadonlySet<number> {
    const predecessors = new Map<number, number[]>();
    for (const [node, successors] of this.#successors) {
      for (const next of successors) {
        const list = predecessors.get(next);
        if (list === undefined) predecessors.set(next, [node]);
        else list.push(node);
      }
    }
    const reached = new Set(targets);
    for (const node of reached) {
      for (const previous of predecessors.get(node) ?? []) reached.add(previous);
    }
    return reached;
  }

  /** A shortest path from a creation to a node. */
  traceTo(node: number): readonly TraceStep[] {
    const steps: TraceStep[] = [];
    let arrival = this.#arrivals.get(node);
    while (arrival !== undefined) {
      if ('creation' in arrival) {
        steps.push(creationStep(arrival.creation, this.#graph));
        break;
      }
      steps.push(edgeStep(arrival.edge));
      arrival = this.#arrivals.get(arrival.node);
    }
    return steps.reverse();
  }

  #arrive(node: number, arrival: Arrival): void {
    if (!this.#arrivals.has(node)) this.#arrivals.set(node, arrival);
  }
}

/** A watcher that only walks. */
export const walker: Watcher = { modes: 1, created: () => 0, moved: () => 0 };

function creationStep({ to, effects }: CreationEdge, { states }: StateGraph): TraceStep {
  return {
    from: null,
    event: null,
    to: states[to]?.name ?? '',
    ...(effects.length === 0 ? {} : { effects }),
  };
}

function edgeStep({ transition: { from, event, to, effects = [] } }: Edge): TraceStep {
  return { from, event, to, ...(effects.length === 0 ? {} : { effects }) };
}
