import type { CoverageReport, LifecycleCoverage } from './coverage-report.js';
import { coverageKinds } from './coverage-items.js';

/** How a coverage report is written. */
export interface CoverageTextOptions {
  /** How many missing items of each kind to name. Default 10; 0 for the table alone. */
  readonly missing?: number;
}

/** A coverage report for a terminal: a table, and what is missing. Pure; no trailing line break. */
export function coverageText(
  report: CoverageReport,
  { missing = 10 }: CoverageTextOptions = {},
): string {
  const rows = [
    ['LIFECYCLE', ...coverageKinds.map((kind) => kind.toUpperCase())],
    ...report.map((lifecycle) => [
      lifecycle.resource,
      ...coverageKinds.map((kind) => {
        const { covered, total, percent } = lifecycle[kind];
        // Rounded down: 100 % is said only of all.
        return `${covered}/${total} ${Math.floor(percent)} %`;
      }),
    ]),
  ];
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...table, ...report.flatMap((lifecycle) => missingLines(lifecycle, missing))].join('\n');
}

function missingLines(lifecycle: LifecycleCoverage, shown: number): readonly string[] {
  if (shown === 0) return [];
  return coverageKinds.flatMap((kind) => {
    const { missing } = lifecycle[kind];
    if (missing.length === 0) return [];
    const rest = missing.length - shown;
    return [
      '',
      `${lifecycle.resource}: ${kind} not exercised`,
      ...missing.slice(0, shown).map((item) => `  ${item}`),
      ...(rest > 0 ? [`  and ${rest} more`] : []),
    ];
  });
}
