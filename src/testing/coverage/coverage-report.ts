import { ConfigurationError } from '../../core/errors/errors.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import { hitsKey, type CoverageHits } from './coverage-hits.js';
import {
  coverageItems,
  coverageKinds,
  declaredIn,
  transitionItem,
  type CoverageKind,
} from './coverage-items.js';

/** How much of one kind was exercised. */
export interface KindCoverage {
  readonly total: number;
  readonly covered: number;
  /** 0 to 100, not rounded; 100 where there is nothing to cover. */
  readonly percent: number;
  /** How often each item was exercised, every item, in the order of the declaration. */
  readonly hits: Readonly<Record<string, number>>;
  /** The items that were not. */
  readonly missing: readonly string[];
}

/** How much of one lifecycle was exercised. */
export type LifecycleCoverage = {
  readonly resource: string;
  readonly version: number;
} & Readonly<Record<CoverageKind, KindCoverage>>;

/** How much of each lifecycle was exercised: plain JSON. */
export type CoverageReport = readonly LifecycleCoverage[];

/**
 * Holds what was exercised against what there is. Pure. What was counted of other lifecycles, or of
 * items that a lifecycle no longer has, is left out.
 */
export function coverageReport(
  lifecycles: readonly AnyLifecycle[],
  hits: CoverageHits,
): CoverageReport {
  return lifecycles.map((lifecycle) => {
    const items = coverageItems(lifecycle);
    const counted = hits[hitsKey(lifecycle)];
    const kinds = Object.fromEntries(
      coverageKinds.map((kind) => [kind, kindCoverage(items[kind], counted?.[kind] ?? {})]),
    ) as Record<CoverageKind, KindCoverage>;
    return { resource: lifecycle.resource, version: lifecycle.version, ...kinds };
  });
}

function kindCoverage(
  items: readonly string[],
  counted: Readonly<Record<string, number>>,
): KindCoverage {
  const count = (item: string): number => (Object.hasOwn(counted, item) ? (counted[item] ?? 0) : 0);
  const missing = items.filter((item) => count(item) === 0);
  const covered = items.length - missing.length;
  return {
    total: items.length,
    covered,
    percent: items.length === 0 ? 100 : (covered / items.length) * 100,
    hits: Object.fromEntries(items.map((item) => [item, count(item)])),
    missing,
  };
}

/** The least percentage of each kind that every lifecycle must reach; a kind left out need reach none. */
export type CoverageThresholds = Readonly<Partial<Record<CoverageKind, number>>>;

/** A kind of a lifecycle that is below its threshold. */
export interface CoverageShortfall {
  readonly resource: string;
  readonly kind: CoverageKind;
  readonly percent: number;
  readonly threshold: number;
  readonly missing: readonly string[];
}

/**
 * Returns the kinds below their threshold; empty when all pass. Pure. Throws ConfigurationError
 * CONFIG_VALUE_INVALID for a threshold that is not a kind or not a percentage.
 */
export function coverageShortfalls(
  report: CoverageReport,
  thresholds: CoverageThresholds,
): readonly CoverageShortfall[] {
  const demanded = Object.entries(thresholds) as [CoverageKind, number][];
  for (const [kind, threshold] of demanded) {
    if (!coverageKinds.includes(kind) || !(threshold >= 0 && threshold <= 100)) {
      throw new ConfigurationError(
        'CONFIG_VALUE_INVALID',
        `The threshold ${kind}: ${threshold} is not a percentage of ${coverageKinds.join(', ')}.`,
        { parameters: { key: `thresholds.${kind}` } },
      );
    }
  }
  return report.flatMap((lifecycle) =>
    demanded
      .filter(([kind, threshold]) => lifecycle[kind].percent < threshold)
      .map(([kind, threshold]) => ({
        resource: lifecycle.resource,
        kind,
        percent: lifecycle[kind].percent,
        threshold,
        missing: lifecycle[kind].missing,
      })),
  );
}

/**
 * The states and transitions that were exercised, and those that were not: to colour a diagram by. Of
 * parallel regions those of each region.
 */
export interface CoverageHighlights {
  readonly states: readonly string[];
  readonly transitions: AnyLifecycle['transitions'];
  readonly missedStates: readonly string[];
  readonly missedTransitions: AnyLifecycle['transitions'];
}

/** Returns the colours of a diagram for a coverage. Pure. All is missed where the report lacks it. */
export function coverageHighlights(
  lifecycle: AnyLifecycle,
  report: CoverageReport,
): CoverageHighlights {
  const own = report.find((each) => hitsKey(each) === hitsKey(lifecycle));
  const isHit = (kind: 'states' | 'transitions', item: string): boolean =>
    (own?.[kind].hits[item] ?? 0) > 0;
  const { regions } = lifecycle;
  const names = regions.flatMap(({ states }) => states.map(({ name }) => name));
  const transitions = regions.flatMap(declaredIn);
  return {
    states: names.filter((name) => isHit('states', name)),
    transitions: transitions.filter((each) => isHit('transitions', transitionItem(each))),
    missedStates: names.filter((name) => !isHit('states', name)),
    missedTransitions: transitions.filter((each) => !isHit('transitions', transitionItem(each))),
  };
}
