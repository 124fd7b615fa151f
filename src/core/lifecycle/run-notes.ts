import type { Effect } from './lifecycle.js';
import { isWithin, type Configuration, type StateNode, type Transition } from './tree.js';

/** Outcome of one event in one configuration. */
export interface Outcome {
  readonly active: Configuration;
  /** In the order of announcement. */
  readonly effects: readonly Effect[];
  /** The same, each with the node whose entry, exit or transition announces it. */
  readonly nodeEffects: readonly { readonly node: StateNode; readonly effect: Effect }[];
  /** Nodes that were active before and were left, even when entered again. */
  readonly exited: ReadonlySet<StateNode>;
  /** Nodes that are active now and were entered on the way. */
  readonly entered: ReadonlySet<StateNode>;
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
 * Notes of one run of a machine: states left, transitions taken and states entered, in that order for each
 * of its steps.
 */
export class RunNotes {
  readonly #before: Configuration;
  readonly #active: Set<StateNode>;
  readonly #effects: { readonly node: StateNode; readonly effect: Effect }[] = [];
  readonly #exited = new Set<StateNode>();
  readonly #entered = new Set<StateNode>();
  readonly #taken: Transition[] = [];
  readonly #selected: Transition[] = [];
  readonly #leftIn = new Map<StateNode, StateNode>();
  /** The nodes that were left since one was entered. */
  #left: StateNode[] = [];
  #selecting = true;

  constructor(before: Configuration) {
    this.#before = before;
    this.#active = new Set(before);
  }

  get active(): Configuration {
    return this.#active;
  }

  /** The transitions that the event itself took, not those that followed. */
  get selected(): readonly Transition[] {
    return this.#selected;
  }

  /** The innermost state in which a place was left on the way; undefined when it was not left. */
  leftIn(place: StateNode): StateNode | undefined {
    return this.#leftIn.get(place);
  }

  leave(node: StateNode): void {
    if (this.#taken.length > 0) this.#selecting = false;
    this.#left.push(node);
    this.#announce(node, node.exit);
    this.#active.delete(node);
    this.#entered.delete(node);
    if (this.#before.has(node)) this.#exited.add(node);
  }

  /** Throws EndlessChain when more follows than any machine that rests would take. */
  take(transition: Transition, eventless: boolean): void {
    if (this.#taken.length > longestChain) throw new EndlessChain();
    if (eventless) this.#selecting = false;
    this.#taken.push(transition);
    if (this.#selecting) this.#selected.push(transition);
    this.#announce(transition.source, transition.effects);
  }

  enter(node: StateNode): void {
    this.#selecting = false;
    for (const place of this.#left.filter(({ histories }) => histories.length > 0)) {
      const inner = this.#left.find((left) => left.children.length === 0 && isWithin(left, place));
      this.#leftIn.set(place, inner ?? place);
    }
    this.#left = [];
    // A state that targets the machine enters it again, though nothing can leave it.
    if (this.#active.has(node) && this.#before.has(node)) this.#exited.add(node);
    this.#active.add(node);
    this.#entered.add(node);
    this.#announce(node, node.entry);
  }

  /** Returns the outcome of the run. @param snapshot Where XState arrived. */
  outcome({ status }: { readonly status: string }): Outcome {
    // A machine that is done leaves its states, though the row keeps the name of the final one.
    if (status === 'done') {
      for (const node of this.#left) this.#active.add(node);
      this.#entered.clear();
    }
    return {
      active: this.#active,
      effects: this.#effects.map(({ effect }) => effect),
      nodeEffects: this.#effects,
      exited: this.#exited,
      entered: this.#entered,
      taken: this.#taken,
      remembers: new Map([...this.#leftIn].map(([place, { path }]) => [place.path, path])),
      description: this.#selected.find(({ description }) => description !== undefined)?.description,
    };
  }

  #announce(node: StateNode, effects: readonly Effect[]): void {
    for (const effect of effects) this.#effects.push({ node, effect });
  }
}
