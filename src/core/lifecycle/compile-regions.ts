import { freezeList } from './compile-lists.js';
import type { Outcome } from './run-notes.js';
import {
  triggerOf,
  type Deadline,
  type Effect,
  type GuardCondition,
  type Region,
  type RegionEntry,
  type RegionTransition,
  type StateDeclaration,
} from './lifecycle.js';
import {
  byOrder,
  isWithin,
  type Configuration,
  type GuardExpression,
  type StateNode,
} from './tree.js';

/** A transition of the whole machine, before it is told apart by regions. */
export interface TakenTransition {
  readonly active: Configuration;
  readonly outcome: Outcome;
  readonly event: string;
  /** The deadline that takes it; undefined when an event does. */
  readonly deadline: Deadline | undefined;
  readonly guards: readonly GuardCondition[];
}

/** Whether a machine has states with parallel regions. Pure. */
export function isParallel(nodes: readonly StateNode[]): boolean {
  return nodes.some(({ kind }) => kind === 'parallel');
}

/**
 * Tells the transitions of a machine apart by its regions: each region has the states that its own part
 * of a configuration can be in, and the transitions that move it, whatever the regions beside it do.
 */
export class RegionCompiler {
  readonly #drafts: readonly Draft[];

  constructor(root: StateNode, nodes: readonly StateNode[]) {
    const draws = drawRegions(root);
    const owned = new Set(draws.flatMap(({ own }) => [...own]));
    this.#drafts = draws.map((drawn) => new Draft(drawn, owned, nodes));
  }

  /** Notes a configuration that a row can hold. */
  rest(active: Configuration): void {
    for (const draft of this.#drafts) draft.rest(active);
  }

  /** Notes a transition of the whole machine. */
  take(taken: TakenTransition): void {
    for (const draft of this.#drafts) draft.take(taken, (nodes) => this.#stateIn(draft, nodes));
  }

  /** Notes a creation, with the effects of each node that announces something. */
  create(active: Configuration, effects: readonly NodeEffect[]): void {
    for (const draft of this.#drafts) draft.enter(active, effects);
  }

  /** Every region, the outer before the inner, as declared. Frozen. */
  get regions(): readonly Region[] {
    return Object.freeze(this.#drafts.map((draft) => draft.region));
  }

  // A region that was left leads to a state of the nearest region around it.
  #stateIn(left: Draft, active: Configuration): string {
    const around = this.#drafts.filter(
      ({ drawn }) => drawn === left.drawn || isWithin(left.drawn.node, drawn.node),
    );
    for (const draft of around.toReversed()) {
      const leaf = draft.leafIn(active);
      if (leaf !== undefined) return leaf.path;
    }
    return [...active].toSorted(byOrder).at(-1)?.path ?? '';
  }
}

/** An effect and the node whose entry, exit or transition announces it. */
export interface NodeEffect {
  readonly node: StateNode;
  readonly effect: Effect;
}

interface DrawnRegion {
  readonly node: StateNode;
  /** Its nodes, without those of the regions inside it. */
  readonly own: ReadonlySet<StateNode>;
}

/** The machine itself and each region inside it, unless it is parallel itself and so has no state. */
function drawRegions(node: StateNode): readonly DrawnRegion[] {
  if (node.kind === 'parallel') return node.children.flatMap(drawRegions);
  const own = new Set([node]);
  const inner: StateNode[] = [];
  // A set is walked in the order of arrival, what arrives meanwhile included.
  for (const each of own) {
    if (each.kind === 'parallel') inner.push(each);
    else for (const child of each.children) own.add(child);
  }
  return [{ node, own }, ...inner.flatMap(({ children }) => children.flatMap(drawRegions))];
}

class Draft {
  readonly drawn: DrawnRegion;
  readonly #around: ReadonlySet<StateNode>;
  readonly #guards: ReadonlySet<string>;
  readonly #deadlines: ReadonlySet<string>;
  /** Paths of the states whose history may be asked for. */
  readonly #places: ReadonlySet<string>;
  readonly #states = new Map<StateNode, StateDeclaration>();
  readonly #entries = new Map<string, RegionEntry>();
  readonly #transitions = new Map<string, RegionTransition>();

  /** @param owned Nodes that belong to some region. What no region owns counts as each inner region's. */
  constructor(drawn: DrawnRegion, owned: ReadonlySet<StateNode>, nodes: readonly StateNode[]) {
    const around: StateNode[] = [];
    const own = new Set(drawn.own);
    for (let at = drawn.node.parent; at !== undefined; at = at.parent) {
      if (owned.has(at)) around.push(at);
      else own.add(at);
    }
    this.drawn = { node: drawn.node, own };
    this.#around = new Set(around);
    const related = nodes.filter((node) => own.has(node) || this.#around.has(node));
    this.#guards = new Set(related.flatMap(guardNamesOf));
    this.#places = new Set(related.map(({ path }) => path));
    this.#deadlines = new Set(
      related.flatMap(({ deadlines }) => deadlines.map(({ deadline }) => deadline.id)),
    );
  }

  get region(): Region {
    const states = [...this.#states].toSorted(([a], [b]) => byOrder(a, b)).map(([, each]) => each);
    const order = new Map(states.map(({ name }, index) => [name, index]));
    const orderOf = ({ from }: RegionTransition): number => order.get(from) ?? 0;
    return Object.freeze({
      path: this.drawn.node.path,
      states: Object.freeze(states),
      entries: Object.freeze([...this.#entries.values()]),
      transitions: Object.freeze(
        [...this.#transitions.values()].toSorted((a, b) => orderOf(a) - orderOf(b)),
      ),
    });
  }

  /** The state of this region in a configuration; undefined when the region is not active. */
  leafIn(active: Configuration): StateNode | undefined {
    if (!active.has(this.drawn.node)) return undefined;
    return [...active].find(
      (node) =>
        this.drawn.own.has(node) &&
        node.depth >= this.drawn.node.depth &&
        (node.children.length === 0 || node.kind === 'parallel'),
    );
  }

  rest(active: Configuration): void {
    const leaf = this.leafIn(active);
    if (leaf !== undefined && !this.#states.has(leaf)) {
      this.#states.set(leaf, declareState(leaf, this.drawn.node));
    }
  }

  enter(active: Configuration, effects: readonly NodeEffect[]): void {
    const leaf = this.leafIn(active);
    if (leaf === undefined || this.#entries.has(leaf.path)) return;
    const entered = [...active].filter((node) => this.drawn.own.has(node));
    this.#entries.set(
      leaf.path,
      Object.freeze({
        state: leaf.path,
        effects: this.#effectsOf(effects),
        arms: freezeList(
          entered.flatMap(({ deadlines }) => deadlines.map(({ deadline }) => deadline)),
        ),
      }),
    );
  }

  take(taken: TakenTransition, stateIn: (active: Configuration) => string): void {
    const { active, outcome, event, deadline, guards } = taken;
    const from = this.leafIn(active);
    if (from === undefined) {
      // Its effects are told by the transition that enters it.
      if (active.size > 0) this.enter(outcome.active, []);
      return;
    }
    const to = stateIn(outcome.active);
    const sources = outcome.taken.map(({ source }) => source);
    const isOwn = sources.some((source) => this.drawn.own.has(source));
    const declared = isOwn ? undefined : this.#declared(sources);
    // A region that is done stays as it is, whatever its own state around it would take.
    if (from.kind === 'final' && from.parent === this.drawn.node) return;
    if (declared === 'beside' || declared === 'within') {
      if (to === from.path) return;
    }
    const conditions = guards
      .filter(({ name, origin }) =>
        origin === undefined ? this.#guards.has(name) : this.#places.has(origin.place),
      )
      .map(({ name, expected, origin }): GuardCondition =>
        Object.freeze({ name, expected, ...(origin === undefined ? {} : { origin }) }),
      );
    const remembers = [...outcome.remembers].filter(([place]) => this.#places.has(place));
    const effects = this.#effectsOf(outcome.nodeEffects);
    const transition: RegionTransition = Object.freeze({
      from: from.path,
      event,
      ...(deadline === undefined ? {} : { deadline: deadline.id }),
      to,
      effects: deadline === undefined ? effects : Object.freeze([deadline.alert, ...effects]),
      ...(conditions.length === 0 ? {} : { guards: Object.freeze(conditions) }),
      arms: this.#idsOf(outcome.entered),
      cancels: this.#idsOf(outcome.exited),
      ...(remembers.length === 0
        ? {}
        : { remembers: Object.freeze(Object.fromEntries(remembers)) }),
      ...(outcome.description === undefined ? {} : { description: outcome.description }),
      ...(declared === undefined ? {} : { declared }),
    });
    const key = JSON.stringify([
      transition.from,
      triggerOf(transition),
      to,
      conditions,
      transition.effects,
      remembers,
    ]);
    const known = this.#transitions.get(key);
    if (known === undefined || (known.declared !== undefined && isOwn)) {
      this.#transitions.set(key, transition);
    }
  }

  #declared(sources: readonly StateNode[]): NonNullable<RegionTransition['declared']> {
    if (sources.some((source) => this.#around.has(source))) return 'around';
    return sources.some((source) => isWithin(source, this.drawn.node)) ? 'within' : 'beside';
  }

  #effectsOf(effects: readonly NodeEffect[]): readonly Effect[] {
    return freezeList(
      effects
        .filter(({ node }) => this.drawn.own.has(node) || isWithin(node, this.drawn.node))
        .map(({ effect }) => effect),
    );
  }

  #idsOf(nodes: ReadonlySet<StateNode>): readonly string[] {
    return freezeList(
      [...nodes]
        .flatMap(({ deadlines }) => deadlines.map(({ deadline }) => deadline.id))
        .filter((id) => this.#deadlines.has(id)),
    );
  }
}

function declareState(leaf: StateNode, region: StateNode): StateDeclaration {
  const inOrder: StateNode[] = [];
  for (let at: StateNode | undefined = leaf; at !== undefined; at = at.parent) inOrder.unshift(at);
  const final = leaf.kind === 'final' && leaf.parent === region;
  const deadlines = final
    ? []
    : inOrder
        .flatMap((node) => node.deadlines.map(({ deadline }) => deadline))
        .toSorted((a, b) => a.after - b.after);
  const { description } = leaf;
  return Object.freeze({
    name: leaf.path,
    tags: Object.freeze([...new Set(inOrder.flatMap(({ tags }) => tags))]),
    final,
    deadline: deadlines[0]?.after ?? null,
    deadlines: freezeList(deadlines),
    ...(description === undefined ? {} : { description }),
  });
}

function guardNamesOf({ transitions, always }: StateNode): readonly string[] {
  return [...transitions.values(), always]
    .flat()
    .flatMap(({ guard }) => (guard === undefined ? [] : namesIn(guard)));
}

function namesIn(guard: GuardExpression): readonly string[] {
  switch (guard.kind) {
    case 'named':
      return [guard.name];
    case 'not':
      return namesIn(guard.of);
    case 'and':
    case 'or':
      return guard.of.flatMap(namesIn);
    case 'in':
      return [];
  }
}
