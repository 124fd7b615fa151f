import {
  deadlineExceeded,
  type AnyLifecycle,
  type ContextOf,
  type Effect,
  type EventOf,
  type StateOf,
  type TransitionDeclaration,
} from '../../core/lifecycle/lifecycle.js';
import { expectLawful, expectState } from '../expectations.js';
import { ExpectationError } from '../expectation-error.js';
import { enter, fireNow, send, type Happened, type Scenario } from '../scenario.js';
import type { PathOf } from './path.js';

/** What `follow` needs to know where guards decide. */
export interface FollowOptions<L extends AnyLifecycle> {
  /** What guards are to read when this transition is taken. Default `{}` for each. */
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
  let scenario = enter(lifecycle, path.start, {});
  for (const step of path.steps) {
    scenario = take({ ...scenario, context: context(step) }, step);
  }
  return scenario.state as StateOf<L>;
}

function take(scenario: Scenario, { event, from, to, effects }: TransitionDeclaration): Scenario {
  expectState(scenario, from);
  const result =
    event === deadlineExceeded ? timeout(scenario, to, effects) : send(scenario, event);
  const wanted = { operator: 'follow', expected: to };
  const happened = expectLawful(scenario, event, result, wanted);
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

/** Lets the deadline pass that leads to this state with these effects, whichever else run. */
function timeout(scenario: Scenario, to: string, effects: readonly Effect[]): Happened {
  const { lifecycle, state, trail } = scenario;
  const { timeouts, deadlines } = lifecycle.table;
  for (const [id, rows] of timeouts.get(state) ?? []) {
    const alert = deadlines.get(id)?.alert;
    const leads = rows.some(
      (row) => row.to === to && sameEffects([...(alert ? [alert] : []), ...row.effects], effects),
    );
    if (leads) return fireNow(scenario, id);
  }
  throw new ExpectationError(`${trail}: no deadline leads to ${to}.`, {
    expected: to,
    actual: state,
    operator: 'follow',
  });
}

function sameEffects(one: readonly Effect[], other: readonly Effect[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
