import type { Deadline } from './lifecycle.js';
import type { StateNode } from './tree.js';

/** The empty list. Most lists of a table are empty: one shared array keeps thousands of rows small. */
export const none: readonly never[] = Object.freeze([]);

/** Freezes a list, or gives the shared empty one. */
export function freezeList<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? none : Object.freeze(list);
}

/** Every deadline of some nodes, in their order. */
export function deadlinesOf(nodes: ReadonlySet<StateNode>): readonly Deadline[] {
  const list: Deadline[] = [];
  for (const { deadlines } of nodes) {
    for (const { deadline } of deadlines) list.push(deadline);
  }
  return list;
}
