import { durationText } from '../../core/lifecycle/duration-text.js';
import {
  stuckAlert,
  type ChartNode,
  type ChartTransition,
  type Deadline,
  type Effect,
} from '../../core/lifecycle/lifecycle.js';
import type { DrawnMachine, Graph, GraphEdge, GraphLabel, GraphState, Mark } from './graph.js';
import { Highlights, leavesOf } from './highlights.js';
import { assertStates, neighbourhood } from './neighbourhood.js';
import type { DiagramOptions } from './options.js';

/** Marks that are decided by the caller, as the difference of two versions is. */
export interface Marking {
  readonly state: (path: string) => Mark | undefined;
  readonly transition: (
    from: string,
    transition: ChartTransition,
    target: string,
  ) => Mark | undefined;
}

/**
 * A machine made ready to be drawn. Pure. Throws ConfigurationError ARGUMENT_INVALID when
 * `options.around` or `options.highlight` names a state that does not exist.
 *
 * @param marking Default: the steps of `options.highlight`.
 */
export function graphOf(
  machine: DrawnMachine,
  options: DiagramOptions = {},
  marking: Marking = highlighting(options),
): Graph {
  const steps = options.highlight ?? [];
  assertStates(
    machine.chart,
    steps.flatMap(({ from, to }) => [from, to]),
    'highlight',
  );
  return new GraphBuilder(machine, options, marking).build();
}

function highlighting({ highlight = [] }: DiagramOptions): Marking {
  const highlights = new Highlights(highlight);
  return {
    state: (path) => (highlights.hasState(path) ? 'highlighted' : undefined),
    transition: (from, { trigger }, target) =>
      highlights.hasTransition(from, trigger, target) ? 'highlighted' : undefined,
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface EdgeDraft {
  readonly from: GraphState;
  readonly to: GraphState;
  readonly labels: GraphLabel[];
}

class GraphBuilder {
  readonly #machine: DrawnMachine;
  readonly #options: DiagramOptions;
  readonly #marking: Marking;
  readonly #shown: ReadonlySet<string> | undefined;
  readonly #byPath = new Map<string, GraphState>();
  readonly #histories = new Map<string, { readonly place: string; readonly sign: string }>();
  readonly #edges = new Map<string, EdgeDraft>();

  constructor(machine: DrawnMachine, options: DiagramOptions, marking: Marking) {
    this.#machine = machine;
    this.#options = options;
    this.#marking = marking;
    this.#shown =
      options.around === undefined ? undefined : neighbourhood(machine.chart, options.around);
  }

  build(): Graph {
    const { resource, version, chart } = this.#machine;
    const { around } = this.#options;
    const root = this.#addState(chart, undefined);
    this.#addEdges(chart);
    const states = [...this.#byPath.values()].filter((state) => state !== root);
    const edges = [...this.#edges.values()].map(asEdge);
    return {
      title: `${resource}, version ${version}${around === undefined ? '' : `, around ${around.state}`}`,
      summary: this.#summary(states, edges),
      direction: this.#options.direction ?? 'down',
      theme: this.#options.theme ?? 'light',
      legend: this.#options.legend ?? true,
      tags: [...new Set([root, ...states].flatMap(({ tags }) => tags))],
      root,
      framed:
        root.deadlines.length + root.staying.length + root.moments.length > 0 ||
        edges.some(({ from, to }) => from === root || to === root),
      states,
      edges,
    };
  }

  #addState(node: ChartNode, parent: GraphState | undefined): GraphState {
    const { tags = true, deadlines = true, effects = true } = this.#options;
    const inside = (this.#options.selfLoops ?? 'inside') === 'inside';
    const staying = node.transitions.filter(
      ({ trigger, targets, effects: announced, forbidden }) =>
        !forbidden &&
        // A deadline that moves nothing is told by its alert.
        (trigger.kind !== 'deadline' || targets.length > 0 || announced.length > 0) &&
        (targets.length === 0 || (inside && targets.every((target) => target === node.path))),
    );
    const state: Writable<GraphState> = {
      id: `s${this.#byPath.size}`,
      name: node.name,
      path: node.path,
      kind: node.kind,
      tags: tags ? node.tags.filter((tag) => tag.trim() !== '') : [],
      description: node.description,
      deadlines: deadlines
        ? node.deadlines
            .filter((deadline) => !this.#isDrawn(node, deadline))
            .map(
              ({ after, alert: { type } }) =>
                // Every deadline raises one; only a type of its own is worth its room.
                `${type === stuckAlert ? 'alert' : type} after ${durationText(after)}`,
            )
        : [],
      moments: effects ? [...moment('entry', node.entry), ...moment('exit', node.exit)] : [],
      staying: staying.map((transition) => this.#label(node.path, transition, node.path)),
      initial: undefined,
      creation: this.#isOtherCreation(node.path),
      children: [],
      parent,
      mark: this.#marking.state(node.path),
    };
    this.#byPath.set(node.path, state);
    for (const { path, deep } of node.histories ?? []) {
      this.#histories.set(path, { place: node.path, sign: deep ? 'H*' : 'H' });
    }
    state.children = node.children
      .filter(({ path }) => this.#shown?.has(path) ?? true)
      .map((child) => this.#addState(child, state));
    state.initial = node.initial === undefined ? undefined : this.#byPath.get(node.initial);
    return state;
  }

  /** Whether an arrow or a line of the box tells a deadline, so that it is not told twice. */
  #isDrawn({ transitions }: ChartNode, { id }: Deadline): boolean {
    return transitions.some(
      ({ trigger, targets }) =>
        trigger.kind === 'deadline' &&
        trigger.deadline.id === id &&
        targets.some((target) => {
          const { place = target } = this.#histories.get(target) ?? {};
          return this.#shown?.has(place) ?? true;
        }),
    );
  }

  #isOtherCreation(path: string): boolean {
    const [first = '', ...others] = this.#machine.initialStates;
    return !leavesOf(first).includes(path) && others.some((name) => leavesOf(name).includes(path));
  }

  #addEdges(node: ChartNode): void {
    const from = this.#byPath.get(node.path);
    if (from === undefined) return;
    const inside = (this.#options.selfLoops ?? 'inside') === 'inside';
    for (const transition of node.transitions) {
      if (inside && transition.targets.every((target) => target === node.path)) continue;
      for (const declared of transition.targets) {
        // An arrow to a history state leads to the frame of the state around it.
        const history = this.#histories.get(declared);
        const target = history?.place ?? declared;
        const to = this.#byPath.get(target);
        if (to === undefined) continue;
        const key = `${from.id} ${to.id}`;
        const edge = this.#edges.get(key) ?? { from, to, labels: [] };
        this.#edges.set(key, edge);
        const label = this.#label(node.path, transition, target);
        edge.labels.push(
          history === undefined
            ? label
            : { ...label, trigger: `${label.trigger} (${history.sign})` },
        );
      }
    }
    for (const child of node.children) this.#addEdges(child);
  }

  #label(from: string, transition: ChartTransition, target: string): GraphLabel {
    const { guards = true, effects = true } = this.#options;
    const { trigger, guard } = transition;
    // The alert of a deadline is told where it is one of its own.
    const alert =
      trigger.kind === 'deadline' && trigger.deadline.alert.type !== stuckAlert
        ? [trigger.deadline.alert]
        : [];
    const announced = [...alert, ...transition.effects];
    return {
      trigger: triggerText(trigger),
      timed: trigger.kind === 'deadline',
      guard: guards ? guard : undefined,
      effects: effects ? announced.map(({ category, type }) => ({ category, type })) : [],
      mark: this.#marking.transition(from, transition, target),
    };
  }

  #summary(states: readonly GraphState[], edges: readonly GraphEdge[]): string {
    const leaves = states.filter(({ children }) => children.length === 0);
    const transitions =
      edges.reduce((count, { labels }) => count + labels.length, 0) +
      states.reduce((count, { staying }) => count + staying.length, 0);
    const drawn = (name: string): boolean => leavesOf(name).some((leaf) => this.#byPath.has(leaf));
    const creations = this.#machine.initialStates.filter(drawn);
    const finals = leaves.filter(({ kind }) => kind === 'final').map(({ name }) => name);
    const all = this.#shown === undefined ? 'has' : 'in part:';
    return [
      `The lifecycle of ${this.#machine.resource} ${all} ${leaves.length} states and ${transitions} transitions.`,
      ...(creations.length === 0 ? [] : [`It begins in ${creations.join(' or ')}.`]),
      ...(finals.length === 0 ? [] : [`It ends in ${finals.join(' or ')}.`]),
    ].join(' ');
  }
}

function asEdge({ from, to, labels }: EdgeDraft): GraphEdge {
  const [first] = labels;
  const same = labels.every(({ mark }) => mark === first?.mark);
  return {
    from,
    to,
    labels,
    timed: labels.every(({ timed }) => timed),
    mark: same
      ? first?.mark
      : labels.some(({ mark }) => mark === 'highlighted')
        ? 'highlighted'
        : 'changed',
  };
}

function moment(when: string, effects: readonly Effect[]): readonly GraphLabel[] {
  if (effects.length === 0) return [];
  return [{ trigger: when, timed: false, guard: undefined, effects, mark: undefined }];
}

function triggerText(trigger: ChartTransition['trigger']): string {
  switch (trigger.kind) {
    case 'event':
      return trigger.event;
    case 'deadline':
      return `after ${durationText(trigger.deadline.after)}`;
    case 'done':
      return 'when done';
    case 'always':
      return 'at once';
  }
}
