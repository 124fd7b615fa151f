import type { CheckReport } from './check-lifecycle.js';
import { placeText, type Finding } from './finding.js';
import { traceText } from './trace.js';

/**
 * Reports for a terminal: each finding with its trace, why it matters and how to mend it, then a line
 * of counts. Pure; no trailing line break.
 */
export function checkText(reports: readonly CheckReport[]): string {
  const lines = reports.flatMap(({ resource, findings, suppressed }) => [
    `${resource}: ${findings.length === 0 ? 'nothing found' : tally(findings)}${suppressed.length === 0 ? '' : `, ${suppressed.length} accepted`}`,
    ...findings.flatMap(findingLines),
    ...acceptedLines(suppressed),
  ]);
  const all = reports.flatMap(({ findings }) => findings);
  return [...lines, '', `${reports.length} checked: ${tally(all)}.`].join('\n');
}

/** `2 errors, 1 warning`. Pure. */
export function tally(findings: readonly Finding[]): string {
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  return `${count(errors, 'error')}, ${count(findings.length - errors, 'warning')}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function findingLines(finding: Finding): readonly string[] {
  const { code, severity, place, message, why, remedy, trace, loop } = finding;
  return [
    `  ${severity} ${code} at ${placeText(place)}`,
    `    ${message}`,
    ...(trace === undefined ? [] : [`    Path: ${traceText(trace)}`]),
    ...(loop === undefined ? [] : [`    Then again and again: ${traceText(loop)}`]),
    `    Why: ${why}`,
    `    Remedy: ${remedy}`,
  ];
}

// One reason often covers several findings: it is told once.
function acceptedLines(suppressed: CheckReport['suppressed']): readonly string[] {
  const byReason = new Map<string, Finding[]>();
  for (const { finding, reason } of suppressed) {
    byReason.set(reason, [...(byReason.get(reason) ?? []), finding]);
  }
  return [...byReason].map(([reason, findings]) => {
    const codes = [...new Set(findings.map(({ code }) => code))].join(', ');
    return `  accepted: ${findings.length} × ${codes}: ${reason}`;
  });
}
