import { observableOf } from './observed-event.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import type { Observation } from '../observation.js';
import { coverageKinds, itemsOf, type CoverageKind } from './coverage-items.js';

/** How often each item of one lifecycle was exercised; items that were not are absent. */
export type LifecycleHits = Readonly<Record<CoverageKind, Readonly<Record<string, number>>>>;

/** Coverage of a test run as plain JSON, by `<resource>/<version>`. */
export type CoverageHits = Readonly<Record<string, LifecycleHits>>;

/** The name that hits of a lifecycle are kept under. Pure. */
export function hitsKey({ resource, version }: Pick<AnyLifecycle, 'resource' | 'version'>): string {
  return `${resource}/${version}`;
}

/** Adds up what test runs exercised. Pure. */
export function mergeCoverage(fragments: Iterable<CoverageHits>): CoverageHits {
  const counter = new CoverageCounter();
  for (const fragment of fragments) counter.add(fragment);
  return counter.hits;
}

/** Counts what is exercised. */
export class CoverageCounter {
  readonly #hits = new Map<string, Record<CoverageKind, Map<string, number>>>();

  /** Returns the hits counted so far. A copy. */
  get hits(): CoverageHits {
    return Object.fromEntries(
      [...this.#hits].map(([key, kinds]) => [
        key,
        Object.fromEntries(
          coverageKinds.map((kind) => [kind, Object.fromEntries(kinds[kind])]),
        ) as LifecycleHits,
      ]),
    );
  }

  /** Counts an observation. Bound: add it as an observer. */
  readonly observe = (observation: Observation): void => {
    const key = hitsKey(observation.lifecycle);
    for (const [kind, item] of itemsOf(observation)) this.#count(key, kind, item, 1);
  };

  /** Counts a state event of one of these lifecycles; leaves others alone. */
  observeEvent(lifecycles: readonly AnyLifecycle[], event: SignalboxEvent): void {
    const observation = observableOf(lifecycles, event);
    if (observation !== undefined) this.observe(observation);
  }

  /** Adds what was counted elsewhere. Throws TypeError for what is no count. */
  add(hits: CoverageHits): void {
    for (const [key, kinds] of Object.entries(hits)) {
      for (const kind of coverageKinds) {
        for (const [item, count] of Object.entries(kinds[kind])) {
          if (!Number.isSafeInteger(count)) throw new TypeError(`${item} was not counted`);
          this.#count(key, kind, item, count);
        }
      }
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#hits.clear();
  }

  #count(key: string, kind: CoverageKind, item: string, count: number): void {
    let kinds = this.#hits.get(key);
    if (kinds === undefined) {
      kinds = { states: new Map(), transitions: new Map(), guards: new Map(), refusals: new Map() };
      this.#hits.set(key, kinds);
    }
    kinds[kind].set(item, (kinds[kind].get(item) ?? 0) + count);
  }
}
