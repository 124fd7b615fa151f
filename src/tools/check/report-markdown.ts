import { markdownCode, markdownTable, markdownText } from '../markdown/markdown.js';
import { escapeMermaid } from '../markdown/mermaid-escape.js';
import type { CheckReport } from './check-lifecycle.js';
import { placeText, type Finding } from './finding.js';
import { tally } from './report-text.js';
import type { TraceStep } from './trace.js';

/**
 * Reports as a Markdown page: a chapter for each lifecycle, each counter-example as a Mermaid diagram.
 * Pure; ends with a line break.
 */
export function checkMarkdown(reports: readonly CheckReport[]): string {
  const lines = reports.flatMap(({ resource, findings, suppressed }) => [
    '',
    `## ${markdownText(resource)}`,
    '',
    findings.length === 0 ? 'Nothing found.' : `${tally(findings)}.`,
    ...findings.flatMap(findingLines),
    ...(suppressed.length === 0
      ? []
      : [
          '',
          '### Accepted',
          '',
          ...markdownTable(
            ['code', 'place', 'reason'],
            suppressed.map(({ finding, reason }) => [
              { markdown: markdownCode(finding.code) },
              placeText(finding.place),
              reason,
            ]),
          ),
        ]),
  ]);
  return `${['# Lifecycle check', ...lines].join('\n')}\n`;
}

function findingLines(finding: Finding): readonly string[] {
  const { code, severity, place, message, why, remedy, trace, loop } = finding;
  return [
    '',
    `### ${severity}: ${markdownCode(code)} at ${markdownText(placeText(place))}`,
    '',
    markdownText(message),
    '',
    `- **Why it matters:** ${markdownText(why)}`,
    `- **Remedy:** ${markdownText(remedy)}`,
    ...(trace === undefined
      ? []
      : ['', '```mermaid', ...traceDiagram([...trace, ...(loop ?? [])]), '```']),
  ];
}

/** A path as a Mermaid state diagram, its steps numbered. Pure. */
export function traceDiagram(trace: readonly TraceStep[]): readonly string[] {
  const names = [...new Set(trace.flatMap(({ from, to }) => (from === null ? [to] : [from, to])))];
  const idOf = (name: string): string => `s${names.indexOf(name)}`;
  return [
    'stateDiagram-v2',
    '  direction LR',
    ...names.map((name) => `  state "${escapeMermaid(name)}" as ${idOf(name)}`),
    ...trace.map(({ from, event, to, effects = [] }, index) => {
      const label = [event ?? 'creation', ...effects.map(({ type }) => `[${type}]`)].join(' ');
      const source = from === null ? '[*]' : idOf(from);
      return `  ${source} --> ${idOf(to)} : ${index + 1}. ${escapeMermaid(label)}`;
    }),
  ];
}
