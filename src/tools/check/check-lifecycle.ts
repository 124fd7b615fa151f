import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import { checkAnnouncements } from './check-announcements.js';
import { checkDeadlines } from './check-deadlines.js';
import { assertDeclaration } from './check-declaration.js';
import { checkGuards } from './check-guards.js';
import { checkMeter } from './check-meter.js';
import { assertNames } from './check-names.js';
import type { CheckOptions } from './check-options.js';
import { checkRule } from './check-rule.js';
import { checkStructure } from './check-structure.js';
import { checkTransitional } from './check-transitional.js';
import { completeDeclaration, isLifecycle, type LifecycleDeclaration } from './declaration.js';
import { Findings, type Finding } from './finding.js';
import { stateGraph } from './state-graph.js';
import { suppress, type SuppressedFinding } from './suppression.js';

/** What a check found. */
export interface CheckReport {
  readonly resource: string;
  /** Errors before warnings, otherwise in the order of the checks and of the declaration. */
  readonly findings: readonly Finding[];
  /** Findings that were accepted, with the reasons. */
  readonly suppressed: readonly SuppressedFinding[];
}

/**
 * Checks a lifecycle exhaustively: its shape, its guards, what it announces, the conservation of its
 * meters and your own rules, over every path, cycles included. Pure; takes plain data too, and so what
 * `defineLifecycle` would refuse. Guards are taken to be able to answer either way.
 *
 * Throws DefinitionError when the names of a plain declaration do not fit together, ConfigurationError
 * when an option names a state or event that is not there or a suppression has no reason, and what a
 * predicate of yours throws.
 *
 * @example
 * ```ts
 * const { findings } = checkLifecycle(volume, {
 *   rules: { 'nothing is resized while it migrates': never(allOf(inState('Migrating'), on('ResizeRequested'))) },
 *   suppressions: [{ code: 'NO_FINAL_STATE', reason: 'A backup can bring an expunged volume back.' }],
 * });
 * ```
 */
export function checkLifecycle(
  declaration: AnyLifecycle | LifecycleDeclaration,
  options: CheckOptions = {},
): CheckReport {
  if (!isLifecycle(declaration)) assertDeclaration(declaration);
  const lifecycle = completeDeclaration(declaration);
  assertNames(lifecycle, options);
  const { rules = {}, meters = [], suppressions = [], failureEvents } = options;
  const graph = stateGraph(lifecycle);
  const findings = new Findings(lifecycle.resource);
  checkStructure(lifecycle, graph, findings);
  checkTransitional(lifecycle, graph, findings, failureEvents);
  checkGuards(lifecycle, findings);
  checkDeadlines(lifecycle, findings);
  checkAnnouncements(lifecycle, options.eventTypes, findings);
  for (const meter of meters) checkMeter(meter, graph, findings);
  for (const [name, rule] of Object.entries(rules)) checkRule(name, rule, graph, findings);
  const parted = suppress(findings, suppressions);
  return {
    resource: lifecycle.resource,
    findings: parted.findings.toSorted((a, b) => weight(b) - weight(a)),
    suppressed: parted.suppressed,
  };
}

function weight({ severity }: Finding): number {
  return severity === 'error' ? 1 : 0;
}
