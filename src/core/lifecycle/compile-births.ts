import { deadlinesOf, freezeList } from './compile-lists.js';
import { isDone, type Outcome } from './compile-macrostep.js';
import type { Faults } from './faults.js';
import type { Birth } from './lifecycle.js';
import { byOrder, type Configuration, type StateNode } from './tree.js';

/**
 * What happens when a resource is created, for every state it can be born in, the initial one first. A
 * name that is no state to rest in becomes a fault.
 *
 * @param names States to be born in besides the initial one: entered from the outside in, as declared.
 */
export function everyBirth(
  root: StateNode,
  initial: Birth | undefined,
  names: readonly string[],
  configurations: ReadonlyMap<string, Configuration>,
  faults: Faults,
): ReadonlyMap<string, Birth> {
  const births = new Map<string, Birth>();
  if (initial !== undefined) births.set(initial.state, initial);
  for (const name of names) {
    if (births.has(name)) continue;
    const active = configurations.get(name);
    if (active === undefined) {
      faults.add(
        'FAULT_UNKNOWN_BIRTH',
        `The birth state '${name}' is not a state that a resource can rest in.`,
        { state: name },
      );
      continue;
    }
    births.set(
      name,
      birthOf(name, {
        effects: [...active].toSorted(byOrder).flatMap(({ entry }) => entry),
        entered: isDone(root, active) ? new Set() : active,
      }),
    );
  }
  return births;
}

/** A birth as the table keeps it. */
export function birthOf(
  state: string,
  { effects, entered }: Pick<Outcome, 'effects' | 'entered'>,
): Birth {
  return Object.freeze({
    lawful: true,
    state,
    effects: freezeList(effects),
    arms: freezeList(deadlinesOf(entered)),
  });
}
