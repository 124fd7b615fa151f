import { expect } from 'vitest';
import {
  initialTransition,
  transition,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type StateValue,
} from 'xstate';
import type { AnyLifecycle, Deadline, Effect } from '../../../src/core/lifecycle/lifecycle.js';
import { creation, step, stepDeadline } from '../../../src/core/lifecycle/step.js';

interface Action {
  readonly type: string;
  readonly params: unknown;
}
type Actions = readonly Action[];

/** The oracle: asks XState what a lifecycle answers from its table, and expects the same. */
export class Oracle {
  readonly #machine: AnyStateMachine;
  readonly #lifecycle: AnyLifecycle;
  // XState orders the regions of a parallel state by when they were entered, which a row does not
  // remember; the table orders them as declared.
  readonly #ordered: boolean;
  /** How many lawful steps were compared, so that a test can tell that it compared any. */
  compared = 0;

  constructor(machine: object, lifecycle: AnyLifecycle) {
    this.#machine = machine as AnyStateMachine;
    this.#lifecycle = lifecycle;
    this.#ordered = !lifecycle.states.some(({ name }) => name.startsWith('{'));
  }

  /** Compares the creation in the initial state. */
  compareBirth(): void {
    const [snapshot, actions] = initialTransition(this.#machine);
    const born = creation(this.#lifecycle);
    expect(born).toMatchObject({ lawful: true, state: nameOf(snapshot.value as StateValue) });
    if (!born.lawful) return;
    this.#expectEffects(born.effects, actions);
    expect(born.arms.map(({ id }) => id).toSorted()).toEqual([...this.#replay(actions)].toSorted());
  }

  /** Compares every event in every state, for one context. */
  compareSteps(context: Readonly<Record<string, unknown>>): void {
    for (const { name, final } of this.#lifecycle.states) {
      for (const event of this.#lifecycle.events) {
        const result = step(this.#lifecycle, { state: name, context }, event);
        if (final) {
          expectSame(result.lawful, false);
          continue;
        }
        const snapshot = this.#snapshot(name, context);
        const at = `${event} in ${name} given ${JSON.stringify(context)}`;
        expectSame(result.lawful, snapshot.can({ type: event }), at);
        if (!result.lawful) continue;
        this.compared += 1;
        const [next, actions] = transition(this.#machine, snapshot, { type: event });
        expectSame(result.next, nameOf(next.value as StateValue), at);
        expectSame(result.changed, result.next !== name);
        this.#expectEffects(result.effects, actions, at);
        this.#expectDeadlines(name, result, actions, at);
      }
    }
  }

  /** Compares every deadline in every state in which it runs, for one context. */
  compareDeadlines(context: Readonly<Record<string, unknown>>): void {
    for (const { name, deadlines } of this.#lifecycle.states) {
      for (const deadline of deadlines) {
        const result = stepDeadline(this.#lifecycle, { state: name, context }, deadline.id);
        const at = `deadline ${deadline.id} in ${name} given ${JSON.stringify(context)}`;
        expectSame(result.lawful, true, at);
        if (!result.lawful) continue;
        this.compared += 1;
        const event = { type: `xstate.after.${deadline.after}.${this.#idOf(deadline)}` };
        const snapshot = this.#snapshot(name, context);
        if (!snapshot.can(event)) {
          expectSame(result.row, undefined, at);
          continue;
        }
        const [next, actions] = transition(this.#machine, snapshot, event);
        expectSame(result.row?.to ?? name, nameOf(next.value as StateValue), at);
        this.#expectEffects(result.row?.effects ?? [], actions, at);
        if (result.row !== undefined) this.#expectDeadlines(name, result.row, actions, at);
      }
    }
  }

  #snapshot(name: string, context: object): AnyMachineSnapshot {
    return this.#machine.resolveState({ value: valueOf(name), context });
  }

  #expectEffects(found: readonly Effect[], actions: Actions, at?: string): void {
    const wanted = actions
      .filter(({ type }) => type === 'usage')
      .map(({ params }) => (params as { type: string }).type);
    const types = found.map(({ type }) => type);
    if (this.#ordered) expectSame(types, wanted, at);
    else expectSame(types.toSorted(), wanted.toSorted(), at);
  }

  // Cancel what the row cancels, arm what it arms: what runs then must be what XState has running.
  #expectDeadlines(
    state: string,
    row: { readonly arms: readonly Deadline[]; readonly cancels: readonly string[] },
    actions: Actions,
    at: string,
  ): void {
    const running = new Set(this.#lifecycle.table.armed.get(state)?.map(({ id }) => id));
    const wanted = new Set(running);
    const restarted = this.#replay(actions, wanted);
    for (const id of row.cancels) running.delete(id);
    for (const { id } of row.arms) running.add(id);
    expectSame([...running].toSorted(), [...wanted].toSorted(), at);
    expectSame(row.arms.map(({ id }) => id).toSorted(), [...restarted].toSorted(), at);
  }

  // Applies what XState schedules and cancels, and returns what runs anew after it.
  #replay(actions: Actions, running = new Set<string>()): ReadonlySet<string> {
    const restarted = new Set<string>();
    for (const { type, params } of actions) {
      if (type === 'xstate.cancel') {
        const id = this.#deadlineOf((params as { sendId: string }).sendId);
        running.delete(id);
        restarted.delete(id);
      }
      if (type === 'xstate.raise') {
        const id = this.#deadlineOf((params as { id: string }).id);
        running.add(id);
        restarted.add(id);
      }
    }
    return restarted;
  }

  #deadlineOf(sendId: string): string {
    const [, delay = '', id = ''] = /^xstate\.after\.(\d+)\.(.*)$/.exec(sendId) ?? [];
    return `${this.#machine.getStateNodeById(id).path.join('.')}/${delay}`;
  }

  #idOf({ state }: Deadline): string {
    const path = state === '' ? [] : state.split('.');
    return path.reduce((node, key) => node.states[key] ?? node, this.#machine.root).id;
  }
}

// An assertion for each of the thousands that agree would take longer than the steps.
function expectSame(found: unknown, wanted: unknown, at?: string): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) expect(found, at).toEqual(wanted);
}

/** The name of an XState state value: dotted for one leaf, JSON with several. */
function nameOf(value: StateValue): string {
  const path = pathOf(value);
  return path ?? JSON.stringify(inOrder(value));
}

function pathOf(value: StateValue): string | undefined {
  if (typeof value === 'string') return value;
  const [entry, ...others] = Object.entries(value);
  if (entry === undefined || others.length > 0) return undefined;
  const inner = pathOf(entry[1] as StateValue);
  return inner === undefined ? undefined : `${entry[0]}.${inner}`;
}

// Random machines name their regions in the order of the alphabet.
function inOrder(value: StateValue): StateValue {
  if (typeof value === 'string') return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, inOrder(inner as StateValue)]),
  );
}

function valueOf(name: string): StateValue {
  if (name.startsWith('{')) return JSON.parse(name) as StateValue;
  return name
    .split('.')
    .toReversed()
    .reduce<StateValue | undefined>(
      (inner, key) => (inner === undefined ? key : { [key]: inner }),
      undefined,
    ) as StateValue;
}
