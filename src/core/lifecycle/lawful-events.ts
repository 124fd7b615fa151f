import { firstLawfulRow } from './guards.js';
import type { AnyLifecycle, ContextOf, EventOf, StateOf, TableRow } from './lifecycle.js';
import type { Position } from './position.js';
import { readRemembered } from './remembered.js';

/**
 * The events that are lawful in a state, in the order of the declaration. Pure, never throws. Guards
 * are asked when a context is given; without one, and where a guard cannot answer because it looks at
 * the event's own properties, the event counts as lawful: it may be.
 */
export function lawfulEvents<L extends AnyLifecycle>(
  lifecycle: L,
  { state, context, remembered }: Position<StateOf<L>, ContextOf<L>>,
): readonly EventOf<L>[] {
  const byEvent = lifecycle.table.rows.get(state);
  if (byEvent === undefined) return [];
  const memory = readRemembered(lifecycle.table.histories, remembered);
  return [...byEvent]
    .filter(([event, rows]) => context === undefined || mayBeLawful(rows, context, event, memory))
    .map(([event]) => event as EventOf<L>);
}

function mayBeLawful(
  rows: readonly TableRow[],
  context: unknown,
  event: string,
  memory: ReadonlyMap<string, string>,
): boolean {
  try {
    return firstLawfulRow(rows, context, event, memory) !== undefined;
  } catch {
    return true;
  }
}
