import type { AnyStateMachine } from 'xstate';
import { DefinitionError } from '../errors/errors.js';
import { nearestName } from '../errors/nearest-name.js';
import { chartOf } from './compile-chart.js';
import { readMachine } from './compile-machine.js';
import { compileTable } from './compile-table.js';
import type { MachineContext, MachineEvent, MachineState, TypedMachine } from './define-types.js';
import { Faults } from './faults.js';
import type { Lifecycle } from './lifecycle.js';
import { checkRules } from './lifecycle-rules.js';
import { eventNameFault, resourceNameFault } from './names.js';

/** Definition of a lifecycle. */
export interface LifecycleDefinition<TMachine extends TypedMachine, TResource extends string> {
  /** The resource type: the fourth word of the routing key, such as `Volume`. No dots, 64 bytes. */
  readonly resource: TResource;
  /**
   * 1 for the first declaration; raise it whenever the machine changes. It is written into every row
   * and every event, so that a reader knows which rules made them.
   */
  readonly version: number;
  /**
   * An XState v5 machine made by `setup({ … }).createMachine()`, or a function that makes one. Give a
   * function to have what `createMachine()` itself refuses, such as an unknown target, told as a
   * DefinitionError too.
   */
  readonly machine: TMachine | (() => TMachine);
  /** States a resource may be created in besides the machine's initial one. Default: none. */
  readonly initialStates?: readonly MachineState<NoInfer<TMachine>>[];
  /**
   * Events that no transition names because only a wildcard takes them. Default: none. A wildcard
   * takes the events named here or elsewhere in the machine, and no other.
   */
  readonly events?: readonly MachineEvent<NoInfer<TMachine>>[];
  /**
   * The events that report failed work. When given, each transitional state must be left by one of
   * them or by a deadline. When absent, each must be left by at least two different events, which is
   * all that can be told from the shape alone; so name them where you can.
   */
  readonly failureEvents?: readonly MachineEvent<NoInfer<TMachine>>[];
}

/**
 * Defines a lifecycle: compiles an XState machine once into frozen data that steps, stores and
 * diagrams read. Pure. Throws one DefinitionError with every fault when the declaration breaks a rule.
 *
 * - Effects are the actions `usage`, `alert` and `action` with static params (see `effects`); any other
 *   action is refused, and so is `assign`: guards read a context that is projected from the entity.
 * - `after` declares a deadline, kept in the database: armed on entry, cancelled on exit. When it passes
 *   it raises its alert, and moves the resource if it has a target and its guard holds.
 * - Tag a state `transitional` when work is going on in it: it must have a deadline and an exit for
 *   failure.
 * - Compound and parallel states, entry and exit effects, wildcards, `always`, `onDone`, named guards
 *   and `and`, `or`, `not`, `stateIn` behave as in XState. `invoke`, output, computed delays and params are
 *   refused.
 * - A history state leads back to the state in which the compound state around it was last left. The row
 *   remembers it, in a column of its own (`remembered`).
 *
 * @example
 * ```ts
 * const door = defineLifecycle({
 *   resource: 'Door',
 *   version: 1,
 *   machine: setup({ types: {} as { events: { type: 'Open' } | { type: 'Close' } } }).createMachine({
 *     initial: 'Closed',
 *     states: { Closed: { on: { Open: 'Opened' } }, Opened: { on: { Close: 'Closed' } } },
 *   }),
 * });
 * step(door, { state: 'Closed' }, 'Open'); // { lawful: true, next: 'Opened', … }
 * ```
 */
export function defineLifecycle<TMachine extends TypedMachine, const TResource extends string>(
  definition: LifecycleDefinition<TMachine, TResource>,
): Lifecycle<MachineState<TMachine>, MachineEvent<TMachine>, MachineContext<TMachine>, TResource> {
  type Defined = Lifecycle<
    MachineState<TMachine>,
    MachineEvent<TMachine>,
    MachineContext<TMachine>,
    TResource
  >;
  assertDefinition(definition);
  const { resource, version } = definition;
  const faults = new Faults(`Lifecycle ${resource}`);
  checkHead(resource, version, faults);
  const tree = readMachine(createMachine(definition.machine, faults), faults);
  const events = [...new Set([...tree.events, ...(definition.events ?? [])])];
  checkEvents(definition.events ?? [], tree.events, faults);
  checkFailureEvents(definition.failureEvents ?? [], events, faults);
  const compiled = compileTable(tree, events, definition.initialStates ?? [], faults);
  checkRules({ ...compiled, failureEvents: definition.failureEvents }, faults);
  faults.throwIfAny();
  // The machine's types promise these names; the names above were read from the same machine.
  return Object.freeze({
    resource,
    version,
    initial: compiled.initial,
    initialStates: Object.freeze([...compiled.table.creations.keys()]),
    states: Object.freeze(compiled.states),
    events: Object.freeze(events),
    transitions: compiled.transitions,
    regions: compiled.regions,
    chart: chartOf(tree.root, resource),
    shadowed: compiled.shadowed,
    table: compiled.table,
  }) as unknown as Defined;
}

/** For callers whom no compiler warns. Throws DefinitionError. */
function assertDefinition(definition: unknown): void {
  const given = Object(definition) as Readonly<Record<string, unknown>>;
  const { resource } = given;
  const faults = new Faults(
    typeof resource === 'string' ? `Lifecycle ${resource}` : 'A lifecycle without a name',
  );
  const known = ['resource', 'version', 'machine', 'initialStates', 'events', 'failureEvents'];
  for (const key of Object.keys(given).filter((each) => !known.includes(each))) {
    const near = nearestName(key, known);
    const hint = near === undefined ? `It has ${known.join(', ')}.` : `Did you mean '${near}'?`;
    faults.add('FAULT_NO_MACHINE', `A definition has no '${key}'. ${hint}`, { key });
  }
  if (typeof resource !== 'string')
    faults.add('FAULT_NAME', "'resource' must be the name of the resource type.", {});
  for (const key of ['initialStates', 'events', 'failureEvents']) {
    const list = given[key];
    if (list === undefined) continue;
    if (Array.isArray(list) && list.every((each) => typeof each === 'string')) continue;
    faults.add('FAULT_NAME', `'${key}' must be a list of names.`, { key });
  }
  if (given['machine'] == null) faults.add('FAULT_NO_MACHINE', noMachine, {});
  faults.throwIfAny();
}

const noMachine =
  'The machine must be what setup({ … }).createMachine({ … }) of XState returned, or a function that returns it.';

function asMachine(machine: unknown, faults: Faults): AnyStateMachine {
  const given = Object(machine) as Readonly<Record<string, unknown>>;
  if (typeof given['root'] !== 'object' || given['implementations'] === undefined) {
    faults.add('FAULT_NO_MACHINE', noMachine, {});
    faults.throwIfAny();
  }
  return machine as AnyStateMachine;
}

function createMachine(
  machine: TypedMachine | (() => TypedMachine),
  faults: Faults,
): AnyStateMachine {
  // `TypedMachine` is the part of an XState machine that types are read from.
  if (typeof machine !== 'function') return asMachine(machine, faults);
  try {
    return asMachine(machine(), faults);
  } catch (error) {
    if (error instanceof DefinitionError) throw error;
    const { message } = error as Error;
    faults.add(
      'FAULT_UNKNOWN_TARGET',
      `XState refuses the machine: ${message.replaceAll('\n', ' ')}`,
    );
    faults.throwIfAny();
    throw error;
  }
}

function checkHead(resource: string, version: number, faults: Faults): void {
  const fault = resourceNameFault(resource);
  if (fault !== undefined) {
    faults.add('FAULT_NAME', `The resource name '${resource}' ${fault}.`, { resource });
  }
  if (!Number.isSafeInteger(version) || version < 1) {
    faults.add(
      'FAULT_VERSION',
      `The version of ${resource} is ${version}; it must be a whole number from 1.`,
      { resource },
    );
  }
}

function checkEvents(named: readonly string[], declared: readonly string[], faults: Faults): void {
  for (const event of named) {
    const fault = declared.includes(event) ? undefined : eventNameFault(event);
    if (fault !== undefined) {
      faults.add('FAULT_NAME', `The event name '${event}' ${fault}.`, { event });
    }
  }
}

function checkFailureEvents(
  named: readonly string[],
  events: readonly string[],
  faults: Faults,
): void {
  for (const event of named.filter((name) => !events.includes(name))) {
    const near = nearestName(event, events);
    faults.add(
      'FAULT_NAME',
      `failureEvents names '${event}', which no transition takes.${near === undefined ? '' : ` Did you mean '${near}'?`}`,
      { event },
    );
  }
}
