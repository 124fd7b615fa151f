import {
  deadlineExceeded,
  triggerOf,
  type AnyLifecycle,
  type GuardCondition,
} from '../../core/lifecycle/lifecycle.js';
import { guardText } from '../../core/lifecycle/describe-lifecycle.js';
import type { Observation } from '../observation.js';

/** What lifecycle coverage counts. */
export const coverageKinds = ['states', 'transitions', 'guards', 'refusals'] as const;

/** One of what lifecycle coverage counts. */
export type CoverageKind = (typeof coverageKinds)[number];

/**
 * Everything there is to cover in a lifecycle, by name, in the order of the declaration. Pure.
 *
 * - states: each, by being entered, left or created in;
 * - transitions: each, timeouts included;
 * - guards: each answer of each guard, for every state and event it decides on;
 * - refusals: each event in each state that does not take it, final states apart.
 */
export function coverageItems(
  lifecycle: AnyLifecycle,
): Readonly<Record<CoverageKind, readonly string[]>> {
  const { states, events, transitions, table } = lifecycle;
  const open = states.filter(({ final }) => !final);
  return {
    states: states.map(({ name }) => name),
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
    refusals: open.flatMap(({ name }) =>
      events
        .filter((event) => table.rows.get(name)?.has(event) !== true)
        .map((event) => refusalItem(name, event)),
    ),
  };
}

/** What an observation covers. Pure. */
export function itemsOf(
  observation: Observation,
): readonly (readonly [kind: CoverageKind, item: string])[] {
  switch (observation.kind) {
    case 'state':
      return [['states', observation.state]];
    case 'transition': {
      const { lifecycle, from, event, deadline, to, guards } = observation;
      const taken = guards ?? guardsOfOnly(lifecycle, from, event, to);
      const trigger = triggerOf({ event, deadline });
      return [
        ['states', from],
        ['states', to],
        ['transitions', transitionItem({ from, event, deadline, to, guards: taken })],
        ...taken.map((guard) => ['guards', guardItem(from, trigger, guard)] as const),
      ];
    }
    case 'refusal': {
      const { state, event, guards } = observation;
      return guards.length === 0
        ? [['refusals', refusalItem(state, event)]]
        : guards.map(
            (guard) => ['guards', guardItem(state, triggerOf(observation), guard)] as const,
          );
    }
  }
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
