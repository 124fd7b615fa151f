import { deadlinesOf, freezeList } from './compile-lists.js';
import type { Outcome } from './run-notes.js';
import type { Faults } from './faults.js';
import type { Creation } from './lifecycle.js';
import { byOrder, isDone, type Configuration, type StateNode } from './tree.js';

/**
 * Compiles the creation of a resource for every state it can be created in, the initial one first. A name
 * that is no state to rest in becomes a fault.
 *
 * @param names States to be created in besides the initial one: entered from the outside in, as declared.
 */
export function everyCreation(
  root: StateNode,
  initial: Creation | undefined,
  names: readonly string[],
  configurations: ReadonlyMap<string, Configuration>,
  faults: Faults,
): ReadonlyMap<string, Creation> {
  const creations = new Map<string, Creation>();
  if (initial !== undefined) creations.set(initial.state, initial);
  for (const name of names) {
    if (creations.has(name)) continue;
    const active = configurations.get(name);
    if (active === undefined) {
      faults.add(
        'FAULT_UNKNOWN_INITIAL',
        `The initial state '${name}' is not a state that a resource can rest in.`,
        { state: name },
      );
      continue;
    }
    creations.set(
      name,
      creationOf(name, {
        effects: [...active].toSorted(byOrder).flatMap(({ entry }) => entry),
        entered: isDone(root, active) ? new Set() : active,
      }),
    );
  }
  return creations;
}

/** A creation as the table keeps it. */
export function creationOf(
  state: string,
  { effects, entered }: Pick<Outcome, 'effects' | 'entered'>,
): Creation {
  return Object.freeze({
    lawful: true,
    state,
    effects: freezeList(effects),
    arms: freezeList(deadlinesOf(entered)),
  });
}
