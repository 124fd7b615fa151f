import type { LifecycleDescription } from '../../core/lifecycle/describe-lifecycle.js';
import {
  deadlineExceeded,
  type ChartNode,
  type ChartTransition,
  type Deadline,
  type Effect,
} from '../../core/lifecycle/lifecycle.js';
import type { Graph, Mark } from './graph.js';
import { groupBy } from './group-by.js';
import { graphOf } from './graph-of.js';
import type { LifecycleDiff } from './lifecycle-diff.js';
import type { DiagramOptions } from './options.js';

type State = LifecycleDescription['states'][number];
type Transition = LifecycleDescription['transitions'][number];
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Both versions in one graph: what was added, removed and changed is marked. Pure. */
export function diffGraph(diff: LifecycleDiff, options: DiagramOptions = {}): Graph {
  const { from, to, resource } = diff;
  const marks = new Marks(from, to);
  const states = merged(to.states, from.states, ({ name }) => name);
  const transitions = merged(to.transitions, from.transitions, wayOf);
  const deadlines = new Map(
    merged(to.deadlines, from.deadlines, ({ id }) => id).map((one) => [one.id, one]),
  );
  const graph = graphOf(
    {
      resource,
      version: to.version,
      initialStates: to.initialStates,
      chart: chartOf(to, states, transitions, deadlines),
    },
    options,
    {
      state: (path) => marks.state(path),
      transition: (path, transition, target) => marks.transition(path, transition, target),
    },
  );
  return {
    ...graph,
    title: `${resource}, version ${from.version} to ${to.version}: ${diff.class}`,
  };
}

function merged<T>(
  after: readonly T[],
  before: readonly T[],
  keyOf: (one: T) => string,
): readonly T[] {
  const known = new Set(after.map(keyOf));
  return [...after, ...before.filter((one) => !known.has(keyOf(one)))];
}

class Marks {
  readonly #before: Sides;
  readonly #after: Sides;

  constructor(before: LifecycleDescription, after: LifecycleDescription) {
    this.#before = sidesOf(before);
    this.#after = sidesOf(after);
  }

  state(path: string): Mark | undefined {
    return markOf(this.#before.states.get(path), this.#after.states.get(path));
  }

  transition(from: string, { trigger, guard }: ChartTransition, to: string): Mark | undefined {
    const taken =
      trigger.kind === 'event'
        ? { event: trigger.event }
        : {
            event: deadlineExceeded,
            ...(trigger.kind === 'deadline' ? { deadline: trigger.deadline.id } : {}),
          };
    const way = wayOf({
      from,
      ...taken,
      to,
      ...(guard === undefined ? {} : { guard }),
      effects: [],
    });
    return markOf(this.#before.ways.get(way), this.#after.ways.get(way));
  }
}

interface Sides {
  readonly states: ReadonlyMap<string, string>;
  readonly ways: ReadonlyMap<string, string>;
}

function sidesOf({ states, transitions }: LifecycleDescription): Sides {
  return {
    states: new Map(states.map((state) => [state.name, JSON.stringify(state)])),
    ways: new Map(
      transitions.map((one) => [
        wayOf(one),
        JSON.stringify([one.effects, one.arms ?? [], one.cancels ?? []]),
      ]),
    ),
  };
}

function markOf(before: string | undefined, after: string | undefined): Mark | undefined {
  if (before === after) return undefined;
  if (before === undefined) return 'added';
  return after === undefined ? 'removed' : 'changed';
}

function wayOf({ from, event, deadline, to, guard }: Transition): string {
  return JSON.stringify([from, event, deadline ?? null, to, guard ?? null]);
}

function chartOf(
  { resource, initial }: LifecycleDescription,
  states: readonly State[],
  transitions: readonly Transition[],
  deadlines: ReadonlyMap<string, Deadline>,
): ChartNode {
  const root = emptyNode(resource, '', 'compound');
  const nodes = new Map<string, Writable<ChartNode>>([['', root]]);
  const bySource = groupBy(transitions, ({ from }) => from);
  for (const state of states) {
    const node = nodeAt(state.name, nodes);
    node.kind = state.final ? 'final' : 'atomic';
    node.tags = state.tags;
    // Parallel regions are drawn as one state, so the deadlines of all of them stand on it.
    node.deadlines = state.deadlines.flatMap((id) => deadlines.get(id) ?? []);
    node.transitions = (bySource.get(state.name) ?? []).map((one) =>
      chartTransition(one, deadlines.get(one.deadline ?? '')),
    );
  }
  markInitial(initial, nodes);
  return root;
}

// The state of parallel regions is JSON, in which a dot separates nothing.
function nodeAt(path: string, nodes: Map<string, Writable<ChartNode>>): Writable<ChartNode> {
  const known = nodes.get(path);
  if (known !== undefined) return known;
  const dot = path.startsWith('{') ? -1 : path.lastIndexOf('.');
  const parent = nodeAt(dot < 0 ? '' : path.slice(0, dot), nodes);
  const node = emptyNode(path.slice(dot + 1), path, 'atomic');
  nodes.set(path, node);
  parent.kind = 'compound';
  parent.children = [...parent.children, node];
  return node;
}

function markInitial(initial: string, nodes: ReadonlyMap<string, Writable<ChartNode>>): void {
  for (let path = initial; path !== '';) {
    const dot = path.startsWith('{') ? -1 : path.lastIndexOf('.');
    const around = dot < 0 ? '' : path.slice(0, dot);
    const parent = nodes.get(around);
    if (parent !== undefined) parent.initial = path;
    path = around;
  }
}

function chartTransition(
  { event, to, guard, effects }: Transition,
  deadline: Deadline | undefined,
): ChartTransition {
  return {
    trigger: deadline !== undefined ? { kind: 'deadline', deadline } : { kind: 'event', event },
    targets: [to],
    reenter: false,
    ...(guard === undefined ? {} : { guard }),
    effects: effects
      // The alert is told by the deadline itself.
      .filter(({ type }) => type !== deadline?.alert.type)
      .map(({ category, type }): Effect => ({ category, type })),
    forbidden: false,
  };
}

function emptyNode(name: string, path: string, kind: ChartNode['kind']): Writable<ChartNode> {
  return {
    name,
    path,
    kind,
    tags: [],
    entry: [],
    exit: [],
    deadlines: [],
    transitions: [],
    children: [],
  };
}
