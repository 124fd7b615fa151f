import type { AnyStateMachine, StateNode as XStateNode } from 'xstate';
import { readEffects } from './compile-effects.js';
import { readGuard, type GuardScope } from './compile-guards.js';
import { sameEffect } from './effects.js';
import type { Faults } from './faults.js';
import { stuckAlert, type Deadline, type Effect } from './lifecycle.js';
import { eventNameFault, stateKeyFault } from './names.js';
import { mayBeBoth, type NodeDeadline, type StateNode, type Transition } from './tree.js';

/** A machine read into plain data. */
export interface MachineTree {
  readonly root: StateNode;
  /** Every node in document order. */
  readonly nodes: readonly StateNode[];
  /** Every event the machine names, in the order of its first mention. */
  readonly events: readonly string[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type Declared = XStateNode['transitions'] extends Map<string, (infer T)[]> ? T : never;

const doneEventPrefix = 'xstate.done.state.';
const longestDelay = 100 * 365 * 24 * 60 * 60 * 1000;

/**
 * Reads an XState v5 machine into the tree that the compiler works on. This file and the two beside
 * it (effects, guards) are all that know how XState writes things down. What a durable lifecycle
 * cannot keep becomes a fault and is read as if it were not there, so that the rest is checked too.
 */
export function readMachine(machine: AnyStateMachine, faults: Faults): MachineTree {
  return new MachineReader(machine, faults).read();
}

class MachineReader {
  readonly #machine: AnyStateMachine;
  readonly #faults: Faults;
  readonly #nodes: { readonly declared: XStateNode; readonly node: Writable<StateNode> }[] = [];
  readonly #byId = new Map<string, StateNode>();
  readonly #events = new Set<string>();

  constructor(machine: AnyStateMachine, faults: Faults) {
    this.#machine = machine;
    this.#faults = faults;
  }

  read(): MachineTree {
    if (typeof this.#machine.config.context === 'function') {
      this.#unsupported('A context function', 'the machine', 'it would never run');
    }
    const root = this.#readNode(this.#machine.root, undefined);
    if (root.children.length === 0) {
      this.#faults.add('FAULT_UNSUPPORTED', 'The machine declares no states.');
    }
    const scope: GuardScope = {
      implementations: this.#machine.implementations.guards,
      root,
      byId: (id) => this.#byId.get(id),
      faults: this.#faults,
      numbers: new Map(),
    };
    for (const { declared, node } of this.#nodes) {
      if (node.kind === 'history') this.#readHistory(declared, node, scope);
      else this.#readTransitions(declared, node, scope);
    }
    return {
      root,
      nodes: this.#nodes.map(({ node }) => node).filter(({ kind }) => kind !== 'history'),
      events: [...this.#events],
    };
  }

  #readNode(declared: XStateNode, parent: StateNode | undefined): StateNode {
    const path = declared.path.join('.');
    const where = placeOf(path);
    const { implementations } = this.#machine;
    const node: Writable<StateNode> = {
      key: declared.key,
      path,
      order: this.#nodes.length,
      depth: declared.path.length,
      kind: declared.type,
      parent,
      children: [],
      initial: undefined,
      entry: readEffects(
        declared.config.entry,
        `on entry of ${where}`,
        implementations.actions,
        this.#faults,
      ),
      exit: readEffects(
        declared.config.exit,
        `on exit of ${where}`,
        implementations.actions,
        this.#faults,
      ),
      tags: Object.freeze([...declared.tags]),
      description: declared.description,
      transitions: new Map(),
      always: [],
      deadlines: [],
      doneEvent: doneEventPrefix + declared.id,
      histories: [],
    };
    this.#nodes.push({ declared, node });
    this.#byId.set(declared.id, node);
    this.#checkNode(declared, where);
    const inner = Object.values<XStateNode>(declared.states).map((child) =>
      this.#readNode(child, node),
    );
    node.children = inner.filter(({ kind }) => kind !== 'history');
    node.histories = inner.filter(({ kind }) => kind === 'history');
    this.#checkHistories(node);
    if (node.kind === 'compound') {
      const key = declared.initial.target?.[0]?.key;
      node.initial = node.children.find((child) => child.key === key) ?? node.children[0];
    }
    return node;
  }

  // One column remembers one state for each place.
  #checkHistories(node: StateNode): void {
    const [first] = node.histories;
    if (first === undefined) return;
    const where = placeOf(first.path);
    if (node.parent === undefined) {
      this.#unsupported(
        'A history state',
        where,
        'the machine itself is never left; put the states to return to into a compound state',
      );
    }
    if (node.kind === 'parallel' || hasParallel(node)) {
      this.#unsupported(
        'A history state',
        where,
        'several states would have to be remembered; declare one in each region',
      );
    }
  }

  #readHistory(declared: XStateNode, node: Writable<StateNode>, scope: GuardScope): void {
    const given: unknown = (declared.config as { readonly target?: unknown }).target;
    const { parent } = node;
    if (parent === undefined) return;
    const defaults = typeof given === 'string' ? [given] : Array.isArray(given) ? given : [];
    const targets = (defaults as readonly unknown[]).map((target) =>
      historyTarget(String(target), parent, scope),
    );
    if (targets.includes(undefined)) {
      this.#faults.add(
        'FAULT_UNKNOWN_TARGET',
        `The target of the history state ${node.path} is no state of the machine.`,
        { where: node.path },
      );
    }
    const known = targets.filter((target) => target !== undefined);
    node.history = {
      deep: declared.history === 'deep',
      targets: known.length > 0 ? known : [parent.initial ?? parent],
    };
  }

  #checkNode(declared: XStateNode, where: string): void {
    if (declared.parent !== undefined) {
      const fault = stateKeyFault(declared.key);
      if (fault !== undefined) {
        this.#faults.add('FAULT_NAME', `The state name '${declared.key}' ${fault}.`, {
          state: declared.key,
        });
      }
      if (
        declared.parent.type === 'parallel' &&
        declared.type !== 'compound' &&
        declared.type !== 'parallel' &&
        declared.type !== 'history'
      ) {
        this.#unsupported('A region without states', where, 'it says nothing; leave it out');
      }
    }
    const { config } = declared;
    for (const event of Object.keys(config.on ?? {}).filter(isInternal)) {
      this.#faults.add('FAULT_NAME', `The event name '${event}' ${eventNameFault(event)}.`, {
        event,
      });
    }
    if (config.invoke !== undefined) {
      this.#unsupported('invoke', where, 'work is done outside and reported as an event');
    }
    if (config.output !== undefined) this.#unsupported('output', where, 'nobody would receive it');
    if ((config as { route?: unknown }).route !== undefined) {
      this.#unsupported('route', where, 'declare a transition for each way into the state');
    }
    if (declared.type === 'compound' && declared.initial.actions.length > 0) {
      this.#unsupported('Actions on initial', where, 'declare them on the entry of the state');
    }
  }

  #readTransitions(declared: XStateNode, node: Writable<StateNode>, scope: GuardScope): void {
    const transitions = new Map<string, readonly Transition[]>();
    const { deadlines, events: deadlineEvents } = this.#readDeadlines(declared, node);
    for (const [descriptor, candidates] of declared.transitions) {
      const deadline = deadlineEvents.get(descriptor)?.deadline;
      if (isInternal(descriptor) && deadline === undefined && descriptor !== node.doneEvent)
        continue;
      const on =
        deadline === undefined
          ? descriptor === node.doneEvent
            ? `onDone of ${placeOf(node.path)}`
            : `on '${descriptor}' in ${placeOf(node.path)}`
          : `after ${deadline.after} in ${placeOf(node.path)}`;
      this.#noteEvent(descriptor);
      transitions.set(
        descriptor,
        candidates.map((candidate) =>
          this.#readTransition(candidate, node, on, scope, deadline?.alert),
        ),
      );
    }
    node.transitions = transitions;
    node.always = (declared.always ?? []).map((candidate) =>
      this.#readTransition(candidate, node, `always in ${placeOf(node.path)}`, scope),
    );
    node.deadlines = deadlines;
  }

  #readTransition(
    declared: Declared,
    source: StateNode,
    where: string,
    scope: GuardScope,
    deadlineAlert?: Effect,
  ): Transition {
    const effects = this.#readActions(declared, where);
    const alert = effects.findIndex(
      (effect) => deadlineAlert !== undefined && sameEffect(effect, deadlineAlert),
    );
    const targets = declared.target?.map((target) => this.#targetOf(target, source, where));
    if (targets?.some((one) => targets.some((other) => !mayBeBoth(one, other))) === true) {
      this.#faults.add(
        'FAULT_UNSUPPORTED',
        `A transition ${where} targets states that exclude each other. Several targets lie in ` +
          'different regions of one parallel state.',
        { where },
      );
    }
    return {
      source,
      targets,
      reenter: declared.reenter,
      guard: declared.guard === undefined ? undefined : readGuard(declared.guard, where, scope),
      // The deadline's own alert is raised by the deadline: announced once, not twice.
      effects: alert < 0 ? effects : Object.freeze(effects.toSpliced(alert, 1)),
      forbidden: declared.target === undefined && declared.actions.length === 0,
      description: declared.description,
    };
  }

  // XState finds targets as properties of objects, and so also what no object has of its own.
  #targetOf({ id }: XStateNode, source: StateNode, where: string): StateNode {
    const node = this.#byId.get(id);
    if (node === undefined) {
      this.#faults.add('FAULT_UNKNOWN_TARGET', `A target ${where} is no state of the machine.`, {
        where,
      });
    }
    return node ?? source;
  }

  #readActions({ actions }: Declared, where: string): readonly Effect[] {
    return readEffects(actions, where, this.#machine.implementations.actions, this.#faults);
  }

  #readDeadlines(
    declared: XStateNode,
    node: StateNode,
  ): { deadlines: NodeDeadline[]; events: Map<string, NodeDeadline> } {
    const events = new Map<string, NodeDeadline>();
    const where = placeOf(node.path);
    for (const candidate of declared.after) {
      const event = candidate.eventType;
      const known = events.get(event);
      const after = known?.deadline.after ?? this.#milliseconds(candidate.delay, where);
      if (after === undefined) continue;
      // The alert is the first one that any of the candidates declares.
      if (known !== undefined && known.deadline.alert !== defaultAlert) continue;
      const declaredAlert = this.#readActions(candidate, `after ${after} in ${where}`).find(
        ({ category }) => category === 'AlertEvent',
      );
      const deadline: Deadline = Object.freeze({
        id: `${node.path}/${after}`,
        state: node.path,
        after,
        alert: declaredAlert ?? defaultAlert,
        ...(candidate.description === undefined ? {} : { description: candidate.description }),
      });
      events.set(event, { deadline, event });
    }
    const deadlines = [...events.values()].toSorted((a, b) => a.deadline.after - b.deadline.after);
    for (const [index, { deadline }] of deadlines.entries()) {
      if (deadlines[index - 1]?.deadline.after === deadline.after) {
        this.#unsupported(`A second deadline after ${deadline.after}`, where, 'merge the two');
      }
    }
    return { deadlines, events };
  }

  #milliseconds(delay: unknown, where: string): number | undefined {
    const after: unknown =
      typeof delay === 'string' ? this.#machine.implementations.delays[delay] : delay;
    if (
      typeof after === 'number' &&
      Number.isInteger(after) &&
      after > 0 &&
      after <= longestDelay
    ) {
      return after;
    }
    const shown = typeof delay === 'function' ? '(function)' : String(delay);
    this.#unsupported(
      `The delay '${shown}'`,
      where,
      'a deadline is a whole number of milliseconds above 0, written in after or in setup({ delays })',
    );
    return undefined;
  }

  #noteEvent(descriptor: string): void {
    if (isInternal(descriptor) || descriptor === '*' || descriptor.endsWith('.*')) return;
    this.#events.add(descriptor);
    const fault = eventNameFault(descriptor);
    if (fault !== undefined) {
      this.#faults.add('FAULT_NAME', `The event name '${descriptor}' ${fault}.`, {
        event: descriptor,
      });
    }
  }

  #unsupported(feature: string, where: string, reason: string): void {
    this.#faults.add('FAULT_UNSUPPORTED', `${feature} in ${where} is not supported: ${reason}.`, {
      feature,
      where,
    });
  }
}

const defaultAlert: Effect = Object.freeze({ category: 'AlertEvent', type: stuckAlert });

function hasParallel({ children }: StateNode): boolean {
  return children.some((child) => child.kind === 'parallel' || hasParallel(child));
}

/** As XState finds it: an id, or a path from the state around the history state. */
function historyTarget(
  target: string,
  parent: StateNode,
  { byId }: GuardScope,
): StateNode | undefined {
  if (target.startsWith('#')) return byId(target.slice(1));
  return target
    .split('.')
    .filter((key) => key !== '')
    .reduce<StateNode | undefined>(
      (node, key) => node?.children.find((child) => child.key === key),
      parent,
    );
}

function placeOf(path: string): string {
  return path === '' ? 'the machine' : `state ${path}`;
}

function isInternal(descriptor: string): boolean {
  return descriptor.startsWith('xstate.');
}
