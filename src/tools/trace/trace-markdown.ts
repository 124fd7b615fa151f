import { roundedDuration } from './rounded-duration.js';
import { markdownTable, markdownText } from '../markdown/markdown.js';
import type { LifecycleTrace, TraceReport } from './trace-report.js';
import {
  countedFaults,
  coveragePercent,
  lifecycleLine,
  readLine,
  verdict,
} from './trace-summary.js';

/** A trace report as a Markdown page, for a pull request or a wiki. Pure; ends with a line break. */
export function traceMarkdown(report: TraceReport): string {
  return [
    `# Trace check: ${verdict(report)}`,
    '',
    `${markdownText(readLine(report))}.`,
    '',
    ...(report.faults === 0 ? [] : faultLines(report)),
    ...report.lifecycles.flatMap(lifecycleLines),
  ].join('\n');
}

function faultLines(report: TraceReport): readonly string[] {
  return [
    '## Faults',
    '',
    ...markdownTable(
      ['Code', 'Count', 'Meaning'],
      countedFaults(report).map(({ code, count, meaning }) => [code, `${count}`, meaning]),
    ),
    '',
    ...markdownTable(
      ['Place', 'Code', 'Fault'],
      report.listed.map(({ place, code, message }) => [place, code, message]),
    ),
    '',
  ];
}

function lifecycleLines(trace: LifecycleTrace): readonly string[] {
  const { resource, version, coverage, transitions, states } = trace;
  const stayed = states.filter(({ stays }) => stays > 0);
  return [
    `## ${markdownText(resource)}, version ${version}`,
    '',
    `${lifecycleLine(trace)}. ${coverage.seen} of ${coverage.declared} transitions were seen (${coveragePercent(trace)} %).`,
    '',
    ...markdownTable(
      ['From', 'Event', 'To', 'Taken'],
      transitions.map(({ from, event, to, count }) => [
        from,
        event,
        to,
        count === 0 ? 'never' : `${count}`,
      ]),
    ),
    '',
    ...(stayed.length === 0
      ? []
      : [
          ...markdownTable(
            ['State', 'Stays', 'Average', 'Longest'],
            stayed.map(({ state, stays, average, longest }) => [
              state,
              `${stays}`,
              roundedDuration(average),
              roundedDuration(longest),
            ]),
          ),
          '',
        ]),
  ];
}
