import type { LifecycleEvent, TableRow } from './lifecycle.js';

/**
 * The first row whose guards all answer as expected. Pure; throws what a guard throws.
 *
 * @param event Its name is enough where guards look at nothing else of it.
 */
export function firstLawfulRow(
  rows: readonly TableRow[],
  context: unknown,
  event: string | LifecycleEvent,
): TableRow | undefined {
  for (const row of rows) {
    // Most rows have no guard: nothing is allocated for them.
    if (row.guards.length === 0 || guardsHold(row, context, event)) return row;
  }
  return undefined;
}

function guardsHold(
  { guards }: TableRow,
  context: unknown,
  event: string | LifecycleEvent,
): boolean {
  const given = typeof event === 'string' ? { type: event } : event;
  return guards.every(({ test, expected }) => test(context, given) === expected);
}

/** The names of the guards on some rows, each once. Pure. */
export function guardNames(rows: readonly TableRow[]): readonly string[] {
  return [...new Set(rows.flatMap(({ guards }) => guards.map(({ name }) => name)))];
}
