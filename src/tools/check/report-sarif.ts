import type { JsonObject } from '../../core/json/json.js';
import type { CheckReport } from './check-lifecycle.js';
import { findingKinds } from './finding-codes.js';
import { placeText, type Finding, type Place } from './finding.js';
import { traceText, type TraceStep } from './trace.js';

/** A report and the file it is about, so that a code host can show findings beside the lines. */
export interface LocatedReport extends CheckReport {
  /**
   * Its URI: relative to the root of the repository, with `/` between folders, or the URL of a file that
   * lies elsewhere. Absent for what is in no file; code hosts refuse a log with a result without one.
   */
  readonly file?: string;
  /** The line of the file that declares a place, from 1. Default: the first line. */
  readonly lineOf?: (place: Place) => number;
}

/**
 * Reports as a SARIF 2.1.0 log, which code hosts show beside the lines of a change: a rule for each
 * code, counter-examples as code flows, accepted findings as suppressed results. Pure; the same reports
 * give the same log.
 *
 * @param version The version of the tool, as the log tells it.
 */
export function checkSarif(reports: readonly LocatedReport[], version: string): JsonObject {
  const codes = Object.keys(findingKinds);
  const results = reports.flatMap((report) => [
    ...report.findings.map((finding) => resultOf(finding, report, codes)),
    ...report.suppressed.map(({ finding, reason }) => ({
      ...resultOf(finding, report, codes),
      suppressions: [{ kind: 'external', status: 'accepted', justification: reason }],
    })),
  ]);
  return {
    $schema:
      'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'signalbox',
            version,
            rules: Object.entries(findingKinds).map(([id, { severity, title, why, remedy }]) => ({
              id,
              shortDescription: { text: title },
              fullDescription: { text: `${title}. ${why}` },
              help: { text: remedy },
              defaultConfiguration: { level: severity },
            })),
          },
        },
        columnKind: 'utf16CodeUnits',
        results,
      },
    ],
  };
}

function resultOf(
  { code, severity, place, message, remedy, trace, loop }: Finding,
  { file, lineOf }: LocatedReport,
  codes: readonly string[],
): JsonObject {
  const where = (at: Place): JsonObject => ({
    ...(file === undefined
      ? {}
      : {
          physicalLocation: {
            artifactLocation: { uri: encodeURI(file) },
            region: { startLine: lineOf?.(at) ?? 1 },
          },
        }),
    logicalLocations: [{ name: at.state ?? at.resource, fullyQualifiedName: placeText(at) }],
  });
  const steps = trace === undefined ? [] : [...trace, ...(loop ?? [])];
  return {
    ruleId: code,
    ruleIndex: codes.indexOf(code),
    level: severity,
    message: { text: `${message} ${remedy}` },
    locations: [where(place)],
    partialFingerprints: { 'signalboxPlace/v1': JSON.stringify([code, place]) },
    ...(steps.length === 0
      ? {}
      : {
          codeFlows: [
            {
              threadFlows: [
                {
                  locations: steps.map((step) => ({
                    location: {
                      ...where(placeOfStep(place.resource, step)),
                      message: { text: traceText([step]) },
                    },
                  })),
                },
              ],
            },
          ],
        }),
  };
}

function placeOfStep(resource: string, { from, event, to }: TraceStep): Place {
  return from === null || event === null
    ? { resource, state: to }
    : { resource, state: from, event, to };
}
