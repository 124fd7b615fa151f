import { holds } from './compile-conditions.js';
import type { Ask } from './compile-decisions.js';
import {
  activeChildren,
  entryTargets,
  exitSet,
  select,
  withoutConflicts,
} from './compile-selection.js';
import type { Effect } from './lifecycle.js';
import { byOrder, isWithin, type Configuration, type StateNode, type Transition } from './tree.js';
import { innermost, leavesOf, originCondition } from './compile-histories.js';

/** What one event does to one configuration. */
export interface Outcome {
  readonly active: Configuration;
  /** In the order of announcement. */
  readonly effects: readonly Effect[];
  /** Nodes that were active before and were left, even when entered again. */
  readonly exited: ReadonlySet<StateNode>;
  /** Nodes that are active now and were entered on the way. */
  readonly entered: ReadonlySet<StateNode>;
  /** The machine reached a final state: no event is lawful any more. */
  readonly done: boolean;
  /** Every transition that was taken on the way, forbidding ones included. */
  readonly taken: readonly Transition[];
  /** The state in which each place with a history state was left on the way, by the path of the place. */
  readonly remembers: ReadonlyMap<string, string>;
  readonly description: string | undefined;
}

/** A chain of eventless transitions does not end. */
export class EndlessChain extends Error {}

const longestChain = 200;

/**
 * What an event does: the whole macrostep, as SCXML and XState v5 define it. Undefined when no
 * transition is enabled, or when all that are enabled forbid the event.
 *
 * Transitions are selected in the active states, inner before outer; conflicts between regions go to
 * the inner and then to the earlier one; states are left from the inside out, effects of the
 * transitions follow, states are entered from the outside in. Then eventless transitions and the
 * completion of states are followed until the machine rests.
 */
export function macrostep(
  active: Configuration,
  event: string,
  root: StateNode,
  ask: Ask,
): Outcome | undefined {
  const selected = select(root, active, event, undefined, ask);
  if (selected.every((transition) => transition.forbidden)) return undefined;
  const run = new Run(active, root, ask);
  run.take(selected);
  run.runToCompletion();
  return run.outcome(selected.find(({ description }) => description !== undefined)?.description);
}

/** What happens to a configuration without any event: entries from nothing, or eventless transitions. */
export function runToCompletion(active: Configuration, root: StateNode, ask: Ask): Outcome {
  const run = new Run(active, root, ask);
  if (active.size === 0) run.enter([root]);
  run.runToCompletion();
  return run.outcome(undefined);
}

/** Whether a configuration is final: its root is done. */
export function isDone(node: StateNode, active: Configuration): boolean {
  switch (node.kind) {
    case 'final':
      return active.has(node);
    case 'compound':
      return activeChildren(node, active).some(({ kind }) => kind === 'final');
    case 'parallel':
      return node.children.every((child) => isDone(child, active));
    case 'atomic':
    case 'history':
      return false;
  }
}

class Run {
  readonly #initial: Configuration;
  readonly #root: StateNode;
  readonly #ask: Ask;
  readonly #active: Set<StateNode>;
  readonly #effects: Effect[] = [];
  readonly #exited = new Set<StateNode>();
  readonly #entered = new Set<StateNode>();
  readonly #raised: string[] = [];
  readonly #taken: Transition[] = [];
  readonly #left = new Map<StateNode, StateNode>();
  #current: string | undefined;
  #done = false;

  constructor(active: Configuration, root: StateNode, ask: Ask) {
    this.#initial = active;
    this.#root = root;
    this.#ask = ask;
    this.#active = new Set(active);
  }

  outcome(description: string | undefined): Outcome {
    return {
      active: this.#active,
      effects: this.#effects,
      exited: this.#exited,
      entered: this.#entered,
      done: this.#done,
      taken: this.#taken,
      remembers: new Map([...this.#left].map(([place, { path }]) => [place.path, path])),
      description,
    };
  }

  /** Follows eventless transitions and raised events until nothing is enabled. */
  runToCompletion(): void {
    let eventless = true;
    for (let steps = 0; !this.#done; steps += 1) {
      if (steps > longestChain) throw new EndlessChain();
      const enabled = eventless ? this.#eventless() : [];
      if (enabled.length > 0) {
        // One that changes nothing would be enabled for ever: it is taken once.
        eventless = this.take(enabled);
        continue;
      }
      const raised = this.#raised.shift();
      if (raised === undefined) return;
      this.#current = raised;
      this.take(select(this.#root, this.#active, raised, raised, this.#ask));
      eventless = true;
    }
  }

  /** Takes transitions together. Returns whether other nodes are active than before. */
  take(transitions: readonly Transition[]): boolean {
    // By the states that history states stand for now: leaving may make them stand for others.
    const aims = new Map(transitions.map((transition) => [this.#aim(transition), transition]));
    const taken = withoutConflicts([...aims.keys()], this.#active);
    const declared = taken.map((transition) => aims.get(transition) ?? transition);
    this.#taken.push(...declared);
    const before = new Set(this.#active);
    const left = exitSet(taken, this.#active).toSorted((a, b) => byOrder(b, a));
    for (const node of left) {
      if (node.histories.length > 0) this.#left.set(node, innermost(node, before));
    }
    for (const node of left) {
      this.#effects.push(...node.exit);
      this.#active.delete(node);
      if (this.#initial.has(node)) this.#exited.add(node);
      this.#entered.delete(node);
    }
    for (const { effects } of taken) this.#effects.push(...effects);
    this.#restartRoot(taken);
    this.enter(declared.flatMap((transition) => entryTargets(this.#aim(transition))));
    return before.size !== this.#active.size || [...before].some((node) => !this.#active.has(node));
  }

  /** A transition with the states that its history states stand for. */
  #aim(transition: Transition): Transition {
    const { targets } = transition;
    return targets?.some(({ kind }) => kind === 'history') === true
      ? { ...transition, targets: targets.flatMap((target) => this.#aimOf(target)) }
      : transition;
  }

  #aimOf(target: StateNode): readonly StateNode[] {
    const { history, parent: place } = target;
    if (history === undefined || place === undefined) return [target];
    const states = history.deep ? leavesOf(place) : place.children;
    const left = this.#left.get(place);
    const found =
      left === undefined
        ? states.find((state) => this.#ask(originCondition(place, state)))
        : states.find((state) => state === left || isWithin(left, state));
    return found === undefined ? history.targets.flatMap((each) => this.#aimOf(each)) : [found];
  }

  // XState enters the machine again when a state targets it, though nothing can leave it.
  #restartRoot(taken: readonly Transition[]): void {
    const targeted = taken.some(
      ({ source, targets }) => source !== this.#root && targets?.includes(this.#root) === true,
    );
    if (!targeted || !this.#active.delete(this.#root)) return;
    if (this.#initial.has(this.#root)) this.#exited.add(this.#root);
  }

  /** Enters what the targets ask for and what a legal configuration needs besides. */
  enter(targets: readonly StateNode[]): void {
    const next = new Set(this.#active);
    for (const target of targets) {
      for (let node: StateNode | undefined = target; node; node = node.parent) next.add(node);
    }
    const complete = (node: StateNode): void => {
      next.add(node);
      if (node.kind === 'parallel') node.children.forEach(complete);
      if (node.kind !== 'compound') return;
      const chosen = activeChildren(node, next);
      (chosen.length === 0 && node.initial !== undefined ? [node.initial] : chosen).forEach(
        complete,
      );
    };
    complete(this.#root);
    const entering = [...next].filter((node) => !this.#active.has(node));
    for (const node of entering.toSorted(byOrder)) this.#enterNode(node);
    if (this.#done) this.#finish();
  }

  #enterNode(node: StateNode): void {
    this.#active.add(node);
    this.#entered.add(node);
    this.#effects.push(...node.entry);
    if (node.kind === 'final') this.#complete(node);
  }

  // A final child completes its parent; parallel parents complete with their last region.
  #complete({ parent }: StateNode): void {
    if (parent === undefined) return;
    if (parent.kind === 'compound') this.#raised.push(parent.doneEvent);
    let around = parent.kind === 'parallel' ? parent : parent.parent;
    while (around?.kind === 'parallel' && isDone(around, this.#active)) {
      this.#raised.push(around.doneEvent);
      around = around.parent;
    }
    if (around === undefined) this.#done = true;
  }

  // A machine that is done leaves its states, though the row keeps the name of the final one.
  #finish(): void {
    for (const node of [...this.#active].toSorted((a, b) => byOrder(b, a))) {
      this.#effects.push(...node.exit);
      if (this.#initial.has(node)) this.#exited.add(node);
    }
    this.#entered.clear();
  }

  #eventless(): readonly Transition[] {
    const enabled = new Set<Transition>();
    for (const leaf of [...this.#active].toSorted(byOrder)) {
      if (leaf.kind !== 'atomic' && leaf.kind !== 'final') continue;
      for (let node: StateNode | undefined = leaf; node; node = node.parent) {
        const transition = node.always.find(({ guard }) =>
          holds(guard, this.#active, this.#current, this.#ask),
        );
        if (transition === undefined) continue;
        enabled.add(transition);
        break;
      }
    }
    return [...enabled];
  }
}
