import { creationOf, everyCreation } from './compile-creations.js';
import { everyConfiguration, nameOf } from './compile-configurations.js';
import { everyDecision, type Ask, type Decision } from './compile-decisions.js';
import type { MachineTree } from './compile-machine.js';
import { isParallel, RegionCompiler } from './compile-regions.js';
import { MachineRunner } from './compile-run.js';
import { deadlinesOf, freezeList, none } from './compile-lists.js';
import { shadowedTransitions } from './compile-shadowed.js';
import { historiesOf } from './compile-histories.js';
import type { Faults } from './faults.js';
import {
  deadlineExceeded,
  type Creation,
  type Deadline,
  type Effect,
  type GuardCondition,
  type LifecycleTable,
  type Region,
  type ShadowedTransition,
  type StateDeclaration,
  type TableRow,
  type TransitionDeclaration,
} from './lifecycle.js';
import { stateNameFault } from './names.js';
import { withoutImpossibleReturns } from './positions.js';
import { EndlessChain, type Outcome } from './run-notes.js';
import { byOrder, isDone, type Configuration, type StateNode, type Transition } from './tree.js';

/** The compiled parts of a lifecycle, before its own rules are checked. */
export interface CompiledMachine {
  readonly initial: string | undefined;
  readonly states: readonly StateDeclaration[];
  readonly transitions: readonly TransitionDeclaration[];
  readonly regions: readonly Region[];
  readonly shadowed: readonly ShadowedTransition[];
  readonly table: LifecycleTable;
}

// More configurations than this belong to several resources, and their table to nobody's memory.
const mostConfigurations = 4096;
const mostDecisions = 128;

/**
 * Compiles a machine to its table by trying every event in every configuration. Pure; what cannot be
 * compiled becomes a fault.
 *
 * @param creations Names of the states a resource can be created in besides the initial one.
 * @param events Every event a caller may send.
 */
export function compileTable(
  tree: MachineTree,
  events: readonly string[],
  creations: readonly string[],
  faults: Faults,
): CompiledMachine {
  return new TableCompiler(tree, events, faults).compile(creations);
}

class TableCompiler {
  readonly #root: StateNode;
  readonly #nodes: readonly StateNode[];
  readonly #events: readonly string[];
  readonly #faults: Faults;
  readonly #runner: MachineRunner;
  readonly #rows = new Map<string, ReadonlyMap<string, readonly TableRow[]>>();
  readonly #timeouts = new Map<string, ReadonlyMap<string, readonly TableRow[]>>();
  readonly #transitions: TransitionDeclaration[] = [];
  readonly #guardedEvents = new Set<string>();
  readonly #taken = new Set<Transition>();
  readonly #regions: RegionCompiler | undefined;
  readonly #eventsByNode = new Map<StateNode, readonly string[]>();

  constructor(tree: MachineTree, events: readonly string[], faults: Faults) {
    this.#root = tree.root;
    this.#nodes = tree.nodes;
    this.#events = events;
    this.#faults = faults;
    this.#runner = new MachineRunner(tree);
    this.#regions = isParallel(tree.nodes) ? new RegionCompiler(tree.root, tree.nodes) : undefined;
  }

  compile(creations: readonly string[]): CompiledMachine {
    const configurations = this.#restingConfigurations();
    const states = [...configurations].map(([name, active]) => this.#declareState(name, active));
    for (const active of configurations.values()) this.#regions?.rest(active);
    for (const { name, final } of states) {
      const active = configurations.get(name);
      if (final || active === undefined) continue;
      this.#compileEvents(name, active);
      this.#compileTimeouts(name, active);
    }
    const deadlines = this.#nodes.flatMap((node) => node.deadlines.map(({ deadline }) => deadline));
    const initial = this.#initialCreation();
    const histories = historiesOf(this.#nodes);
    const creatable = everyCreation(this.#root, initial, creations, configurations, this.#faults);
    const transitions = Object.freeze(
      withoutImpossibleReturns(this.#transitions, [...creatable.keys()], histories),
    );
    return {
      initial: initial?.state,
      states,
      transitions,
      regions: this.#regionsOf(states, transitions, creatable, configurations),
      shadowed: Object.freeze(shadowedTransitions(this.#nodes, this.#taken)),
      table: Object.freeze({
        rows: this.#rows,
        creations: creatable,
        deadlines: new Map(deadlines.map((deadline) => [deadline.id, deadline])),
        timeouts: this.#timeouts,
        armed: new Map(states.map((state) => [state.name, state.deadlines])),
        events: new Set(this.#events),
        guardedEvents: this.#guardedEvents,
        histories,
      }),
    };
  }

  #regionsOf(
    states: readonly StateDeclaration[],
    transitions: readonly TransitionDeclaration[],
    creations: ReadonlyMap<string, Creation>,
    configurations: ReadonlyMap<string, Configuration>,
  ): readonly Region[] {
    if (this.#regions === undefined) {
      const entries = Object.freeze([...creations.values()]);
      return Object.freeze([Object.freeze({ path: '', states, entries, transitions })]);
    }
    for (const name of creations.keys()) {
      const active = configurations.get(name) ?? new Set();
      const effects = [...active]
        .toSorted(byOrder)
        .flatMap((node) => node.entry.map((effect) => ({ node, effect })));
      this.#regions.create(active, effects);
    }
    return this.#regions.regions;
  }

  // A configuration that an eventless transition leaves at once is nothing a row can hold.
  #restingConfigurations(): ReadonlyMap<string, Configuration> {
    const all = everyConfiguration(this.#root, mostConfigurations);
    if (all === undefined) {
      this.#faults.add(
        'FAULT_TOO_MANY_STATES',
        `The states multiply to more than ${mostConfigurations} combinations. Split the lifecycle.`,
        { limit: mostConfigurations },
      );
      return new Map();
    }
    const resting = new Map<string, Configuration>();
    for (const active of all) {
      const name = nameOf(this.#root, active) ?? '';
      const fault = stateNameFault(name);
      if (fault !== undefined) {
        this.#faults.add('FAULT_NAME', `The state '${name}' ${fault}.`, { state: name });
      }
      if (this.#rests(name, active)) resting.set(name, active);
    }
    return resting;
  }

  #rests(name: string, active: Configuration): boolean {
    if (![...active].some(({ always }) => always.length > 0) || isDone(this.#root, active)) {
      return true;
    }
    const decisions = this.#decide(name, 'always', (ask) => this.#runner.settle(active, ask));
    return decisions.some(({ outcome }) => nameOf(this.#root, outcome.active) === name);
  }

  #declareState(name: string, active: Configuration): StateDeclaration {
    const final = isDone(this.#root, active);
    const inOrder = [...active].toSorted(byOrder);
    const deadlines = final
      ? none
      : inOrder
          .flatMap((node) => node.deadlines.map(({ deadline }) => deadline))
          .toSorted((a, b) => a.after - b.after);
    const description = inOrder.findLast(
      (node) => node.description !== undefined && node !== this.#root,
    )?.description;
    return Object.freeze({
      name,
      tags: Object.freeze([...new Set(inOrder.flatMap(({ tags }) => tags))]),
      final,
      deadline: deadlines[0]?.after ?? null,
      deadlines: Object.freeze(deadlines),
      ...(description === undefined ? {} : { description }),
    });
  }

  #compileEvents(from: string, active: Configuration): void {
    const byEvent = new Map<string, readonly TableRow[]>();
    for (const event of this.#eventsOf(active)) {
      const rows = this.#compileRows(from, active, event, event);
      if (rows.length === 0) continue;
      byEvent.set(event, rows);
      if (rows.some(({ guards, remembers }) => guards.length > 0 || remembers !== undefined))
        this.#guardedEvents.add(event);
    }
    this.#rows.set(from, byEvent);
  }

  #compileTimeouts(from: string, active: Configuration): void {
    const byDeadline = new Map<string, readonly TableRow[]>();
    for (const node of [...active].toSorted(byOrder)) {
      for (const { deadline, event } of node.deadlines) {
        const rows = this.#compileRows(from, active, event, deadlineExceeded, deadline);
        if (rows.length > 0) byDeadline.set(deadline.id, rows);
      }
    }
    if (byDeadline.size > 0) this.#timeouts.set(from, byDeadline);
  }

  #compileRows(
    from: string,
    active: Configuration,
    trigger: string,
    event: string,
    deadline?: Deadline,
  ): readonly TableRow[] {
    const decisions = this.#decide(from, event, (ask) => this.#runner.send(active, trigger, ask));
    const rows: TableRow[] = [];
    for (const { guards, outcome } of decisions) {
      if (outcome === undefined) continue;
      for (const transition of outcome.taken) this.#taken.add(transition);
      const to = nameOf(this.#root, outcome.active);
      if (to === undefined) {
        this.#faults.add(
          'FAULT_UNSUPPORTED',
          `'${event}' in state ${from} targets states that exclude each other.`,
          { state: from, event },
        );
        continue;
      }
      const row: TableRow = Object.freeze({
        lawful: true,
        from,
        event,
        ...(deadline === undefined ? {} : { deadline: deadline.id }),
        to,
        next: to,
        changed: from !== to,
        effects: freezeList(outcome.effects),
        guards: freezeList(guards),
        arms: freezeList(deadlinesOf(outcome.entered)),
        cancels: freezeList(deadlinesOf(outcome.exited).map(({ id }) => id)),
        ...(outcome.remembers.size === 0
          ? {}
          : { remembers: Object.freeze(Object.fromEntries(outcome.remembers)) }),
      });
      // A deadline that moves nothing and says no more than its alert is not a transition.
      if (deadline !== undefined && !row.changed && isSilent(row)) continue;
      rows.push(row);
      this.#declare(row, outcome, deadline?.alert);
      this.#regions?.take({ active, outcome, event, deadline, guards });
    }
    return freezeList(rows);
  }

  #declare(row: TableRow, { description }: Outcome, alert: Effect | undefined): void {
    const { from, event, deadline, to, effects, guards } = row;
    const conditions = guards.map(({ name, expected, origin }): GuardCondition =>
      Object.freeze({ name, expected, ...(origin === undefined ? {} : { origin }) }),
    );
    this.#transitions.push(
      Object.freeze({
        from,
        event,
        ...(deadline === undefined ? {} : { deadline }),
        to,
        effects: alert === undefined ? effects : Object.freeze([alert, ...effects]),
        ...(conditions.length === 0 ? {} : { guards: Object.freeze(conditions) }),
        arms: Object.freeze(row.arms.map(({ id }) => id)),
        cancels: row.cancels,
        ...(row.remembers === undefined ? {} : { remembers: row.remembers }),
        ...(description === undefined ? {} : { description }),
      }),
    );
  }

  /** Every event that some active node could take. */
  #eventsOf(active: Configuration): readonly string[] {
    const lists = [...active].toReversed().map((node) => {
      const known = this.#eventsByNode.get(node);
      if (known !== undefined) return known;
      const descriptors = [...node.transitions.keys()];
      const wildcards = descriptors.filter((descriptor) => descriptor.endsWith('*'));
      const taken =
        wildcards.length === 0
          ? descriptors.filter((descriptor) => !descriptor.startsWith('xstate.'))
          : this.#events.filter(
              (event) =>
                node.transitions.has(event) ||
                wildcards.some((wildcard) => matches(event, wildcard)),
            );
      this.#eventsByNode.set(node, taken);
      return taken;
    });
    return [...new Set(lists.flat())];
  }

  #initialCreation(): Creation | undefined {
    const decisions = this.#decide('', 'creation', (ask) => this.#runner.create(ask));
    const [first, ...others] = decisions;
    if (first === undefined) return undefined;
    for (const { outcome } of decisions) {
      for (const transition of outcome.taken) this.#taken.add(transition);
    }
    if (others.length > 0) {
      this.#faults.add(
        'FAULT_UNSUPPORTED',
        'The initial state depends on a guard. List the states a resource can be created in under initialStates.',
      );
    }
    this.#regions?.create(first.outcome.active, first.outcome.nodeEffects);
    const state = nameOf(this.#root, first.outcome.active);
    return state === undefined ? undefined : creationOf(state, first.outcome);
  }

  #decide<T>(state: string, event: string, run: (ask: Ask) => T): readonly Decision<T>[] {
    try {
      const decisions = everyDecision(run, mostDecisions);
      if (decisions !== undefined) return decisions;
      this.#faults.add(
        'FAULT_TOO_MANY_STATES',
        `The guards on '${event}' in state ${state} combine in more than ${mostDecisions} ways.`,
        { state, event },
      );
    } catch (error) {
      if (!(error instanceof EndlessChain)) throw error;
      this.#faults.add(
        'FAULT_UNSUPPORTED',
        `The eventless transitions after '${event}' in state ${state} never come to rest.`,
        { state, event },
      );
    }
    return none;
  }
}

function isSilent({ effects, arms, cancels }: TableRow): boolean {
  return effects.length === 0 && arms.length === 0 && cancels.length === 0;
}

/** Whether a wildcard descriptor takes an event: `*` takes all, `a.*` takes `a` and all under it. */
function matches(event: string, descriptor: string): boolean {
  if (descriptor === '*') return true;
  if (!descriptor.endsWith('.*')) return descriptor === event;
  const prefix = descriptor.slice(0, -2);
  return event === prefix || event.startsWith(`${prefix}.`);
}
