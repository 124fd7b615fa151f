import { nearestName } from '../../core/errors/nearest-name.js';
import { Faults } from '../../core/lifecycle/faults.js';
import { deadlineExceeded } from '../../core/lifecycle/lifecycle.js';
import type { LifecycleDeclaration } from './declaration.js';

/**
 * Checks that the names of a declaration fit together. Pure. Throws one DefinitionError with every
 * fault: a state declared twice, a creation or transition that names a state that is not there, an event
 * that is not among those listed.
 */
export function assertDeclaration(declaration: LifecycleDeclaration): void {
  const {
    resource,
    initial,
    initialStates: creations = [],
    states,
    events,
    transitions,
  } = declaration;
  const faults = new Faults(`Lifecycle ${resource}`);
  const names = states.map(({ name }) => name);
  const known = new Set(names);
  names.forEach((name, index) => {
    if (names.indexOf(name) !== index) {
      faults.add('FAULT_NAME', `The state '${name}' is declared twice.`, { state: name });
    }
  });
  for (const state of [initial, ...creations]) {
    if (known.has(state)) continue;
    faults.add(
      'FAULT_UNKNOWN_INITIAL',
      `The initial state '${state}' is not a state.${suggestion(state, names)}`,
      { state },
    );
  }
  const listed = events === undefined ? undefined : new Set([...events, deadlineExceeded]);
  for (const { from, event, to } of transitions) {
    for (const state of [from, to]) {
      if (known.has(state)) continue;
      faults.add(
        'FAULT_UNKNOWN_TARGET',
        `The transition ${from} --${event}--> ${to} names '${state}', which is not a state.${suggestion(state, names)}`,
        { from, event, to },
      );
    }
    if (listed?.has(event) === false) {
      faults.add(
        'FAULT_NAME',
        `The event '${event}' of state ${from} is not among the events.${suggestion(event, [...listed])}`,
        { event },
      );
    }
  }
  faults.throwIfAny();
}

function suggestion(name: string, candidates: readonly string[]): string {
  const near = nearestName(name, candidates);
  return near === undefined ? '' : ` Did you mean '${near}'?`;
}
