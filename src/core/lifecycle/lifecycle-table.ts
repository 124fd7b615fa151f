import { guardText } from './describe-lifecycle.js';
import { durationText } from './duration-text.js';
import type { AnyLifecycle, Effect } from './lifecycle.js';

/**
 * A lifecycle as text for a terminal: its states with tags and deadlines, and its transitions with
 * what they announce. Pure; no trailing line break.
 */
export function lifecycleTable(lifecycle: AnyLifecycle): string {
  const { resource, version, initial, initialStates: creations, states, transitions } = lifecycle;
  const others = creations.filter((name) => name !== initial);
  return [
    `${resource}, version ${version}: created in ${initial}${others.length === 0 ? '' : ` (or ${others.join(', ')})`}`,
    '',
    ...columns([
      ['STATE', 'TAGS', 'DEADLINE'],
      ...states.map(({ name, tags, final, deadline }) => [
        name,
        [...tags, ...(final ? ['final'] : [])].join(', '),
        deadline === null ? '' : durationText(deadline),
      ]),
    ]),
    '',
    ...columns([
      ['FROM', 'EVENT', 'TO', 'IF', 'ANNOUNCES'],
      ...transitions.map(({ from, event, to, guards, effects }) => [
        from,
        event,
        to,
        guards === undefined ? '' : guardText(guards),
        effects.map(effectText).join(', '),
      ]),
    ]),
  ].join('\n');
}

function effectText({ category, type }: Effect): string {
  return `${category} ${type}`;
}

// Columns that are empty in every row are left out.
function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => {
    const used = rows.slice(1).some((row) => row[column] !== '');
    return used ? Math.max(...rows.map((row) => row[column]?.length ?? 0)) : 0;
  });
  return rows.map((row) =>
    row
      .flatMap((cell, column) => {
        const width = widths[column] ?? 0;
        return width === 0 ? [] : [cell.padEnd(width)];
      })
      .join('  ')
      .trimEnd(),
  );
}
