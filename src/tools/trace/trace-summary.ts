import { traceFaults, type TraceFaultCode } from './trace-fault.js';
import type { LifecycleTrace, TraceReport } from './trace-report.js';

/** One line on what was read. Pure. */
export function readLine(report: TraceReport): string {
  const { events, from, to, redeliveries, ignored } = report;
  return [
    `${counted(events, 'event')}${from === null ? '' : ` from ${from} to ${to}`}`,
    ...(redeliveries === 0 ? [] : [`${redeliveries} delivered again`]),
    ...(ignored === 0 ? [] : [`${ignored} of other resource types`]),
  ].join(', ');
}

/** One line on the resources of a lifecycle. Pure. */
export function lifecycleLine(trace: LifecycleTrace): string {
  const { version, recordedVersions, creations, removals, joined, live } = trace;
  const versions = Object.keys(recordedVersions).filter((recorded) => recorded !== `${version}`);
  return [
    `${creations} created`,
    ...(joined === 0 ? [] : [`${joined} met later`]),
    `${removals} removed`,
    `${live} live`,
    ...(versions.length === 0 ? [] : [`recorded under version ${versions.join(', ')} too`]),
  ].join(', ');
}

/** Each code that was found, with its count and its meaning. Pure. */
export function countedFaults(
  report: TraceReport,
): readonly { readonly code: TraceFaultCode; readonly count: number; readonly meaning: string }[] {
  return (Object.entries(report.faultCounts) as [TraceFaultCode, number][]).map(
    ([code, count]) => ({ code, count, meaning: traceFaults[code] }),
  );
}

/** Summarises a report in a few words. Pure. */
export function verdict({ faults, listed }: TraceReport): string {
  if (faults === 0) return 'no fault';
  const more = faults - listed.length;
  return counted(faults, 'fault') + (more === 0 ? '' : `, ${more} of them not listed`);
}

/** The share of declared transitions that were seen, in whole percent, never rounded up to 100. Pure. */
export function coveragePercent({ coverage: { declared, seen } }: LifecycleTrace): number {
  return declared === 0 ? 100 : Math.floor((100 * seen) / declared);
}

function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}
