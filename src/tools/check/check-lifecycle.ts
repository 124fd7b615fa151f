import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import { checkAnnouncements, checkEvents } from './check-announcements.js';
import { checkDeadlines } from './check-deadlines.js';
import { assertDeclaration } from './check-declaration.js';
import { checkGuards, checkShadowed } from './check-guards.js';
import { checkMeter } from './check-meter.js';
import type { Meter } from './meter.js';
import { assertNames } from './check-names.js';
import type { CheckOptions } from './check-options.js';
import { checkRule } from './check-rule.js';
import { checkStructure } from './check-structure.js';
import { checkTransitional } from './check-transitional.js';
import { completeDeclaration, isLifecycle, type LifecycleDeclaration } from './declaration.js';
import { Findings, type Finding } from './finding.js';
import { regionViews, type RegionView } from './region-view.js';
import { stateGraph, type StateGraph } from './state-graph.js';
import { suppress, type SuppressedFinding } from './suppression.js';

/** Findings of a check. */
export interface CheckReport {
  readonly resource: string;
  /** Errors before warnings, otherwise in the order of the checks and of the declaration. */
  readonly findings: readonly Finding[];
  /** Findings that were accepted, with the reasons. */
  readonly suppressed: readonly SuppressedFinding[];
}

/**
 * Checks a lifecycle exhaustively: its shape, its guards, what it announces, the conservation of its
 * meters and your own rules, over every path, cycles included. Each parallel region is checked by itself:
 * a finding names its state, such as `power.Starting`. Pure; takes plain data too, and so what
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
  checkEvents(lifecycle, findings);
  checkShadowed(lifecycle, findings);
  const regions = regionViews(declaration).map((view) => ({ view, graph: stateGraph(view) }));
  for (const region of regions) {
    checkStructure(region.view, region.graph, findings);
    checkTransitional(region.view, region.graph, findings, failureEvents);
    checkGuards(region.view, findings);
    checkAnnouncements(region.view, options.eventTypes, findings);
  }
  if (isLifecycle(declaration)) checkDeadlines(declaration, findings);
  for (const meter of meters) {
    checkMeter(meter, graphOf(meter, regions) ?? graph, findings);
  }
  for (const [name, rule] of Object.entries(rules)) checkRule(name, rule, graph, findings);
  const parted = suppress(findings, suppressions);
  return {
    resource: lifecycle.resource,
    findings: parted.findings.toSorted((a, b) => weight(b) - weight(a)),
    suppressed: parted.suppressed,
  };
}

/** The graph of the only region that a meter is about; undefined when several announce it. */
function graphOf(
  { starts, stops, openIn = [], closedIn = [] }: Meter,
  regions: readonly { readonly view: RegionView; readonly graph: StateGraph }[],
): StateGraph | undefined {
  const types = new Set([...starts, ...stops]);
  const announcing = regions.filter(({ view: { creations, transitions } }) =>
    [...creations, ...transitions].some(({ effects = [] }) =>
      effects.some(({ type }) => types.has(type)),
    ),
  );
  const [only] = announcing;
  if (only === undefined || announcing.length > 1) return undefined;
  return [...openIn, ...closedIn].every((state) => only.view.own.has(state))
    ? only.graph
    : undefined;
}

function weight({ severity }: Finding): number {
  return severity === 'error' ? 1 : 0;
}
