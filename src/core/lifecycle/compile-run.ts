import {
  createActor,
  setup,
  type ActorLogic,
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
} from 'xstate';
import { aimsOf, innermost, leaves, originCondition, type Origin } from './compile-histories.js';
import { holds } from './compile-conditions.js';
import type { Ask } from './compile-decisions.js';
import type { MachineTree } from './compile-machine.js';
import { RunNotes, type Outcome } from './run-notes.js';
import {
  activeChildren,
  isWithin,
  type Configuration,
  type StateNode,
  type Transition,
} from './tree.js';

/** The event selects no transition, so that nothing of the configuration changes. */
class NothingSelected extends Error {}

// Taken by every leaf, so that no wildcard takes it: what follows are the eventless transitions.
const nothingHappened = 'signalbox.nothing';
const completion = 'xstate.done.state.';

interface Asked {
  readonly transition: Transition;
  readonly eventless: boolean;
  /** Required remembered states, for its targets to be those of the history states. */
  readonly origins: readonly Origin[];
}

/**
 * Runs a machine in XState, one step at a time, and notes what the step does. XState decides which
 * transitions are taken, which states are left and entered, in which order, and what follows from it.
 *
 * XState runs a copy of the machine. Its guards are answered by `ask`, and its actions are notes: each
 * entry, exit and transition notes itself.
 */
export class MachineRunner {
  readonly #root: StateNode;
  readonly #nodes: readonly StateNode[];
  readonly #machine: AnyStateMachine;
  readonly #scope = actorScope();
  #notes = new RunNotes(new Set());
  #ask: Ask = () => false;
  #sent = false;
  // The same configuration is asked about every event in turn.
  #last: { readonly active: Configuration; readonly snapshot: AnyMachineSnapshot } | undefined;

  constructor({ root, nodes }: MachineTree) {
    this.#root = root;
    this.#nodes = nodes;
    this.#machine = setup({
      guards: { asked: ({ event }, asked: Asked) => this.#answer(event.type, asked) },
    }).createMachine(this.#copyOf(root) as never) as unknown as AnyStateMachine;
  }

  /** Enters the machine: its initial states, and what follows. Throws EndlessChain. */
  create(ask: Ask): Outcome {
    this.#begin(new Set(), ask);
    const snapshot: AnyMachineSnapshot = this.#machine.getInitialSnapshot(this.#scope);
    // XState keeps what is thrown on entry.
    if (snapshot.status === 'error') throw snapshot.error;
    return this.#notes.outcome(snapshot);
  }

  /** Follows the eventless transitions of a configuration. Throws EndlessChain. */
  settle(active: Configuration, ask: Ask): Outcome {
    this.#begin(active, ask);
    return this.#step(active, nothingHappened);
  }

  /**
   * Sends an event: the whole macrostep. Undefined when no transition is enabled, or when all that are
   * enabled forbid the event. Throws EndlessChain.
   */
  send(active: Configuration, event: string, ask: Ask): Outcome | undefined {
    this.#begin(active, ask, true);
    try {
      const outcome = this.#step(active, event);
      return this.#notes.selected.every(({ forbidden }) => forbidden) ? undefined : outcome;
    } catch (error) {
      if (error instanceof NothingSelected) return undefined;
      throw error;
    }
  }

  #begin(active: Configuration, ask: Ask, sent = false): void {
    this.#notes = new RunNotes(active);
    this.#ask = ask;
    this.#sent = sent;
  }

  #step(active: Configuration, type: string): Outcome {
    if (this.#last?.active !== active) {
      const value = valueOf(this.#root, active);
      this.#last = { active, snapshot: this.#machine.resolveState({ value, context: {} }) };
    }
    return this.#notes.outcome(
      this.#machine.transition(this.#last.snapshot, { type }, this.#scope),
    );
  }

  #answer(event: string, { transition, eventless, origins }: Asked): boolean {
    // Eventless transitions follow the event's own: without one there is nothing to follow.
    if (eventless && this.#sent && this.#notes.selected.length === 0) throw new NothingSelected();
    const completed = event.startsWith(completion)
      ? this.#nodes.find(({ order }) => event === `${completion}${order}`)
      : undefined;
    return (
      holds(transition.guard, this.#notes.active, completed?.doneEvent, this.#ask) &&
      origins.every(({ place, state }) => this.#wasLeft(place, state, transition))
    );
  }

  #wasLeft(place: StateNode, state: StateNode, transition: Transition): boolean {
    const { active } = this.#notes;
    const left =
      active.has(place) && leaves(transition, place)
        ? innermost(place, active)
        : this.#notes.leftIn(place);
    if (left === undefined) return this.#ask(originCondition(place, state));
    return left === state || isWithin(left, state);
  }

  // Names and ids are numbers, so that none of the declared can mean anything to XState.
  #copyOf(node: StateNode): object {
    const { kind, children, initial } = node;
    const on = [...node.transitions].map<[string, object]>(([descriptor, candidates]) => [
      descriptor === node.doneEvent ? `${completion}${node.order}` : descriptor,
      candidates.flatMap((transition) => this.#candidatesOf(transition, false)),
    ]);
    if (children.length === 0) on.push([nothingHappened, {}]);
    return {
      id: String(node.order),
      ...(kind === 'parallel' || kind === 'final' ? { type: kind } : {}),
      ...(initial === undefined ? {} : { initial: keyOf(initial) }),
      entry: note(() => this.#notes.enter(node)),
      exit: note(() => this.#notes.leave(node)),
      on: Object.fromEntries(on),
      always: node.always.flatMap((transition) => this.#candidatesOf(transition, true)),
      states: Object.fromEntries(children.map((child) => [keyOf(child), this.#copyOf(child)])),
    };
  }

  #candidatesOf(transition: Transition, eventless: boolean): readonly object[] {
    const { targets, reenter, guard } = transition;
    const aims = targets === undefined ? [{ targets, origins: [] }] : aimsOf(targets);
    return aims.map(({ origins, targets: aimed }) => ({
      ...(aimed === undefined ? {} : { target: aimed.map(({ order }) => `#${order}`) }),
      ...(guard === undefined && origins.length === 0
        ? {}
        : { guard: { type: 'asked', params: { transition, eventless, origins } satisfies Asked } }),
      reenter,
      actions: note(() => this.#notes.take(transition, eventless)),
    }));
  }
}

/** Where XState runs a machine: an actor that was never started, so that no action is executed. */
function actorScope(): AnyActorScope {
  let scope: AnyActorScope | undefined;
  type Nothing = { status: 'active'; output: undefined; error: undefined };
  const nothing: Nothing = { status: 'active', output: undefined, error: undefined };
  const logic: ActorLogic<Nothing, { type: string }> = {
    getInitialSnapshot: (given) => {
      scope = given;
      return nothing;
    },
    transition: (snapshot) => snapshot,
    getPersistedSnapshot: (snapshot) => snapshot,
  };
  createActor(logic);
  return { ...(scope as unknown as AnyActorScope), actionExecutor: () => {} };
}

// XState computes params when it reaches the action; it never runs the action itself.
function note(write: () => void): object {
  return { type: 'note', params: write };
}

function keyOf({ order }: StateNode): string {
  return `s${order}`;
}

type StateValue = { [key: string]: StateValue };

function valueOf(node: StateNode, active: Configuration): StateValue {
  return Object.fromEntries(
    activeChildren(node, active).map((child) => [keyOf(child), valueOf(child, active)]),
  );
}
