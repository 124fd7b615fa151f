import {
  deadlineExceeded,
  triggerOf,
  type AnyLifecycle,
  type GuardCondition,
  type Region,
  type RegionTransition,
} from '../../core/lifecycle/lifecycle.js';
import { guardText } from '../../core/lifecycle/describe-lifecycle.js';
import { partsOf } from '../../core/lifecycle/regions.js';
import type { Observation } from '../observation.js';

/** Kinds of lifecycle coverage. */
export const coverageKinds: readonly CoverageKind[] = [
  'states',
  'transitions',
  'guards',
  'refusals',
];

/** One of what lifecycle coverage counts. */
export type CoverageKind = 'states' | 'transitions' | 'guards' | 'refusals';

/**
 * Everything there is to cover in a lifecycle, by name, in the order of the declaration. Parallel regions
 * are covered one by one, not in every combination. Pure.
 *
 * - states: each, by being entered, left or created in;
 * - transitions: each, timeouts included;
 * - guards: each answer of each guard, for every state and event it decides on;
 * - refusals: each event in each state that does not take it, final states apart.
 */
export function coverageItems(
  lifecycle: AnyLifecycle,
): Readonly<Record<CoverageKind, readonly string[]>> {
  const { regions } = lifecycle;
  const transitions = regions.flatMap(declaredIn);
  return {
    states: distinct(regions.flatMap(({ states }) => states.map(({ name }) => name))),
    transitions: distinct(transitions.map(transitionItem)),
    guards: distinct(
      transitions.flatMap((transition) =>
        (transition.guards ?? []).flatMap(({ name }) =>
          [true, false].map((expected) =>
            guardItem(transition.from, triggerOf(transition), { name, expected }),
          ),
        ),
      ),
    ),
    refusals: refusalItems(lifecycle),
  };
}

/** Returns the transitions that a region declares itself; others count where they are declared. Pure. */
export function declaredIn({ transitions }: Region): readonly RegionTransition[] {
  return transitions.filter(({ declared }) => declared === undefined);
}

/** Each event that a region takes somewhere, in each of its states that does not; if it can be refused. */
function refusalItems({ regions, states, events, table }: AnyLifecycle): readonly string[] {
  const [only, ...others] = regions;
  const refused = (state: string, event: string): boolean =>
    table.rows.get(state)?.has(event) !== true;
  if (others.length === 0) {
    return (only?.states ?? [])
      .filter(({ final }) => !final)
      .flatMap(({ name }) =>
        events.filter((event) => refused(name, event)).map((event) => refusalItem(name, event)),
      );
  }
  const parts = partsOf({ regions });
  const open = states.filter(({ final }) => !final);
  const refusing = new Set(
    open.flatMap(({ name }) => {
      const inside = parts(name);
      return events
        .filter((event) => refused(name, event))
        .flatMap((event) => inside.map((part) => refusalItem(part, event)));
    }),
  );
  return regions.flatMap((region) => {
    const known = new Set(declaredIn(region).map(({ event }) => event));
    const taken = new Set(region.transitions.map(({ from, event }) => refusalItem(from, event)));
    return region.states
      .filter(({ final }) => !final)
      .flatMap(({ name }) =>
        events.filter((event) => known.has(event)).map((event) => refusalItem(name, event)),
      )
      .filter((item) => refusing.has(item) && !taken.has(item));
  });
}

/** Returns the coverage items of an observation. Pure. */
export function itemsOf(
  observation: Observation,
): readonly (readonly [kind: CoverageKind, item: string])[] {
  switch (observation.kind) {
    case 'state':
      return lookupOf(observation.lifecycle)
        .parts(observation.state)
        .map((part) => ['states', part]);
    case 'transition': {
      const { lifecycle, from, event, deadline, to, guards } = observation;
      const taken = guards ?? guardsOfOnly(lifecycle, from, event, to);
      const trigger = triggerOf({ event, deadline });
      const { parts, byTrigger } = lookupOf(lifecycle);
      const [before, after] = [parts(from), parts(to)];
      const moved = before
        .flatMap((part) => byTrigger.get(refusalItem(part, trigger)) ?? [])
        .filter((each) => after.includes(each.to) && answers(each.guards ?? [], taken));
      return [
        ...[...before, ...after].map((part) => ['states', part] as const),
        ...moved.map((each) => ['transitions', transitionItem(each)] as const),
        ...moved.flatMap((each) =>
          (each.guards ?? []).map(
            (guard) => ['guards', guardItem(each.from, trigger, guard)] as const,
          ),
        ),
      ];
    }
    case 'refusal': {
      const { lifecycle, state, event, guards } = observation;
      const parts = lookupOf(lifecycle).parts(state);
      return guards.length === 0
        ? parts.map((part) => ['refusals', refusalItem(part, event)] as const)
        : parts.flatMap((part) =>
            guards.map(
              (guard) => ['guards', guardItem(part, triggerOf(observation), guard)] as const,
            ),
          );
    }
  }
}

interface Lookup {
  readonly parts: (state: string) => readonly string[];
  /** `<state>, <trigger>` -> the transitions of that region. */
  readonly byTrigger: ReadonlyMap<string, readonly RegionTransition[]>;
}

// Every step of a test run is looked up.
const lookups = new WeakMap<AnyLifecycle, Lookup>();

function lookupOf(lifecycle: AnyLifecycle): Lookup {
  const known = lookups.get(lifecycle);
  if (known !== undefined) return known;
  const byTrigger = new Map<string, RegionTransition[]>();
  for (const each of lifecycle.regions.flatMap(declaredIn)) {
    const key = refusalItem(each.from, triggerOf(each));
    byTrigger.set(key, [...(byTrigger.get(key) ?? []), each]);
  }
  const lookup = { parts: partsOf(lifecycle), byTrigger };
  lookups.set(lifecycle, lookup);
  return lookup;
}

/** Whether all that a transition asks was answered as it wants. */
function answers(asked: readonly GuardCondition[], given: readonly GuardCondition[]): boolean {
  return asked.every(({ name, expected }) =>
    given.some((answer) => answer.name === name && answer.expected === expected),
  );
}

/**
 * A transition as coverage names it: `Allocated, DeployRequested -> Deploying if hasMembers`, or
 * `Deploying, DeadlineExceeded Deploying/600000 -> Error`. Pure.
 */
export function transitionItem(transition: {
  readonly from: string;
  readonly event: string;
  readonly deadline?: string | undefined;
  readonly to: string;
  readonly guards?: readonly GuardCondition[];
}): string {
  const { from, to, guards = [] } = transition;
  const condition = guards.length === 0 ? '' : ` if ${guardText(guards)}`;
  return `${from}, ${triggerOf(transition)} -> ${to}${condition}`;
}

function guardItem(state: string, trigger: string, { name, expected }: GuardCondition): string {
  return `${state}, ${trigger}: ${name} is ${expected}`;
}

function refusalItem(state: string, event: string): string {
  return `${state}, ${event}`;
}

/** The guards of the transition that an announced event tells of, if only one can be meant. */
function guardsOfOnly(
  { transitions }: AnyLifecycle,
  from: string,
  event: string,
  to: string,
): readonly GuardCondition[] {
  const possible = transitions.filter(
    (each) => each.from === from && each.event === event && each.to === to,
  );
  return possible.length === 1 && event !== deadlineExceeded ? (possible[0]?.guards ?? []) : [];
}

function distinct(items: readonly string[]): readonly string[] {
  return [...new Set(items)];
}
