import { roundedDuration } from './rounded-duration.js';
import type { LifecycleTrace, TraceReport } from './trace-report.js';
import {
  countedFaults,
  coveragePercent,
  lifecycleLine,
  readLine,
  verdict,
} from './trace-summary.js';

/** A trace report for a terminal. Pure; no trailing line break. */
export function traceText(report: TraceReport): string {
  return [
    readLine(report),
    ...report.lifecycles.flatMap((trace) => ['', ...lifecycleLines(trace)]),
    '',
    ...report.listed.map(({ place, code, message }) => `${place}: ${code}: ${message}`),
    ...countedFaults(report).map(({ code, count, meaning }) => `${count} × ${code}: ${meaning}`),
    verdict(report),
  ].join('\n');
}

function lifecycleLines(trace: LifecycleTrace): readonly string[] {
  const { resource, version, coverage, transitions, states } = trace;
  const unseen = transitions.filter(({ count }) => count === 0);
  const stayed = states.filter(({ stays }) => stays > 0);
  const width = Math.max(...stayed.map(({ state }) => state.length), 0);
  return [
    `${resource}, version ${version}: ${lifecycleLine(trace)}`,
    `  ${coverage.seen} of ${coverage.declared} transitions seen (${coveragePercent(trace)} %)`,
    ...unseen.map(({ from, event, to }) => `    never: ${from} --${event}--> ${to}`),
    ...stayed.map(
      ({ state, stays, average, longest }) =>
        `  ${state.padEnd(width)}  ${stays} stays, ${roundedDuration(average)} on average, ${roundedDuration(longest)} at most`,
    ),
  ];
}
