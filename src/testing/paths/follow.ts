import {
  triggerOf,
  type AnyLifecycle,
  type ContextOf,
  type Effect,
  type EventOf,
  type StateOf,
  type TransitionDeclaration,
} from '../../core/lifecycle/lifecycle.js';
import { expectLawful, expectState } from '../expectations.js';
import { ExpectationError } from '../expectation-error.js';
import { enter, fireNow, send, type Scenario } from '../scenario.js';
import type { PathOf } from './path.js';

/** Options of `follow()` where guards decide. */
export interface FollowOptions<L extends AnyLifecycle> {
  /** Returns the context that guards read when this transition is taken. Default `{}` for each. */
  readonly context?: (transition: TransitionDeclaration<StateOf<L>, EventOf<L>>) => ContextOf<L>;
}

/**
 * Takes every transition of a path in isolation, and expects of each the state and the effects that
 * the lifecycle declares. Pure, but that lifecycle coverage counts what is done. Throws an
 * `ExpectationError` at the first that does otherwise, as a guard does that refuses its context.
 *
 * @returns The state it ends in.
 */
export function follow<L extends AnyLifecycle>(
  lifecycle: L,
  path: PathOf<L>,
  { context = () => ({}) as ContextOf<L> }: FollowOptions<L> = {},
): StateOf<L> {
  let scenario = enter(lifecycle, path.start, {}, path.remembered);
  for (const step of path.steps) {
    scenario = take({ ...scenario, context: context(step) }, step);
  }
  return scenario.state as StateOf<L>;
}

function take(scenario: Scenario, step: TransitionDeclaration): Scenario {
  const { event, deadline, from, to, effects } = step;
  expectState(scenario, from);
  const result = deadline === undefined ? send(scenario, event) : fireNow(scenario, deadline);
  const wanted = { operator: 'follow', expected: to };
  const happened = expectLawful(scenario, triggerOf(step), result, wanted);
  expectState(happened.scenario, to);
  if (!sameEffects(happened.effects, effects)) {
    throw new ExpectationError(`${happened.scenario.trail}: other effects than declared.`, {
      expected: effects,
      actual: happened.effects,
      operator: 'follow',
    });
  }
  return happened.scenario;
}

function sameEffects(one: readonly Effect[], other: readonly Effect[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
