import type { CoverageReport, LifecycleCoverage } from './coverage-report.js';

/** A file to write: its name and its text. */
export interface CoverageFile {
  readonly name: string;
  readonly text: string;
}

/**
 * A coverage report in the format of lcov, for tools that draw and compare such files: `lcov.info`, and
 * for each lifecycle the file that its line numbers refer to, with a line for each state and transition
 * and the answers of guards as branches. Pure.
 */
export function coverageLcov(report: CoverageReport): readonly CoverageFile[] {
  const listings = report.map((lifecycle) => listing(lifecycle));
  return [
    { name: 'lcov.info', text: listings.map(({ record }) => record).join('') },
    ...listings.map(({ name, lines }) => ({ name, text: `${lines.join('\n')}\n` })),
  ];
}

function listing(lifecycle: LifecycleCoverage): {
  readonly name: string;
  readonly lines: readonly string[];
  readonly record: string;
} {
  const { states, transitions, guards } = lifecycle;
  const name = `${fileName(lifecycle.resource)}.lifecycle.txt`;
  const items = [...Object.entries(states.hits), ...Object.entries(transitions.hits)];
  const lines = items.map(([item]) => item);
  const branches = Object.entries(guards.hits).map(([item, hits], index) => {
    const [place = ''] = item.split(': ', 1);
    const line = lines.findIndex((text) => text.startsWith(`${place} -> `)) + 1;
    return `BRDA:${line},0,${index},${hits}`;
  });
  const record = [
    'TN:',
    `SF:${name}`,
    ...branches,
    `BRF:${guards.total}`,
    `BRH:${guards.covered}`,
    ...items.map(([, hits], index) => `DA:${index + 1},${hits}`),
    `LF:${items.length}`,
    `LH:${states.covered + transitions.covered}`,
    'end_of_record',
    '',
  ].join('\n');
  return { name, lines, record };
}

/** A resource may be named by anything that is no control character: a path must not follow from it. */
function fileName(resource: string): string {
  return resource.replaceAll(/[^\p{L}\p{N}_-]/gu, '_');
}
