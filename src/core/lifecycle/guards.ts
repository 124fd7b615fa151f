import type { LifecycleEvent, TableRow } from './lifecycle.js';
import { holdsOrigin } from './remembered.js';

/**
 * The first row whose guards all answer as expected. Pure; throws what a guard throws.
 *
 * @param event Its name is enough where guards look at nothing else of it.
 * @param remembered The states that history states return to. Default: none is remembered.
 */
export function firstLawfulRow(
  rows: readonly TableRow[],
  context: unknown,
  event: string | LifecycleEvent,
  remembered: ReadonlyMap<string, string> = nothing,
): TableRow | undefined {
  for (const row of rows) {
    // Most rows have no guard: nothing is allocated for them.
    if (row.guards.length === 0 || guardsHold(row, context, event, remembered)) return row;
  }
  return undefined;
}

function guardsHold(
  { guards }: TableRow,
  context: unknown,
  event: string | LifecycleEvent,
  remembered: ReadonlyMap<string, string>,
): boolean {
  const given = typeof event === 'string' ? { type: event } : event;
  return guards.every(
    ({ test, expected, origin }) =>
      (origin === undefined ? test(context, given) : holdsOrigin(origin, remembered)) === expected,
  );
}

const nothing: ReadonlyMap<string, string> = new Map();

/** The names of the guards on some rows, each once; questions about the past are none. Pure. */
export function guardNames(rows: readonly TableRow[]): readonly string[] {
  return [
    ...new Set(
      rows.flatMap(({ guards }) =>
        guards.flatMap(({ name, origin }) => (origin === undefined ? [name] : [])),
      ),
    ),
  ];
}
