import type { Refusal } from '../core/errors/errors.js';
import { nearestName } from '../core/errors/nearest-name.js';
import { durationText } from '../core/lifecycle/duration-text.js';
import { type Duration, millisecondsOf } from './duration.js';
import { type ExpectedEffect, matchesEffect } from './effect-match.js';
import { ExpectationError } from './expectation-error.js';
import type { Happened, Scenario } from './scenario.js';

/** Result of an attempt: something happened, or it was refused. */
export type Result = Happened | readonly Refusal[];

/** Expects that something lawful happened, and returns it. */
export function expectLawful(
  before: Scenario,
  tried: string,
  result: Result,
  wanted: { readonly operator: string; readonly expected: unknown },
): Happened {
  if ('scenario' in result) return result;
  throw new ExpectationError(`${before.trail}: ${tried} is refused. ${told(result)}`, {
    ...wanted,
    actual: codesOf(result),
  });
}

/** Expects the state that a scenario is in. */
export function expectState({ trail, state }: Scenario, expected: string) {
  if (state === expected) return;
  throw new ExpectationError(`${trail}: expected to be in ${expected}.`, {
    expected,
    actual: state,
    operator: 'then',
  });
}

/** Expects a refusal with this code. */
export function expectRefusal(
  before: Scenario,
  tried: string,
  result: Result,
  expected: string,
): void {
  if ('scenario' in result) {
    throw new ExpectationError(
      `${result.scenario.trail}: expected ${tried} to be refused with ${expected}.`,
      { expected, actual: result.scenario.state, operator: 'refuses' },
    );
  }
  if (result.some(({ code }) => code === expected)) return;
  throw new ExpectationError(
    `${before.trail}: ${tried} is refused, but not with ${expected}. ${told(result)}`,
    { expected, actual: codesOf(result), operator: 'refuses' },
  );
}

/** Expects that each of these is announced, and with `only` nothing else. */
export function expectEffects(
  { scenario, effects }: Happened,
  expected: readonly ExpectedEffect[],
  { operator, only }: { readonly operator: string; readonly only: boolean },
): void {
  const left = [...effects];
  const missing = expected.filter((each) => {
    const index = left.findIndex((effect) => matchesEffect(effect, each));
    if (index >= 0) left.splice(index, 1);
    return index < 0;
  });
  if (missing.length === 0 && (!only || left.length === 0)) return;
  const faults = [
    ...missing.map(({ category, type }) => `${category} ${type} is not announced`),
    ...(only ? left.map(({ category, type }) => `${category} ${type} is announced too`) : []),
  ];
  throw new ExpectationError(`${scenario.trail}: ${faults.join('; ')}.`, {
    expected,
    actual: effects,
    operator,
  });
}

/** A deadline by its id, or by its duration. */
export type ExpectedDeadline = `${string}/${number}` | Duration;

/** Expects that a deadline was armed or cancelled. */
export function expectDeadline(
  happened: Happened,
  list: 'arms' | 'cancels',
  expected: ExpectedDeadline,
): void {
  const { scenario } = happened;
  const { deadlines } = scenario.lifecycle.table;
  const found = happened[list];
  const isMet =
    typeof expected === 'string'
      ? found.includes(expected)
      : found.some((id) => deadlines.get(id)?.after === millisecondsOf(expected));
  if (isMet) return;
  const wanted =
    typeof expected === 'string'
      ? `the deadline ${expected}`
      : `a deadline of ${durationText(millisecondsOf(expected))}`;
  const near =
    typeof expected === 'string' && !deadlines.has(expected)
      ? ` There is no such deadline.${suggest(nearestName(expected, [...deadlines.keys()]))}`
      : '';
  throw new ExpectationError(`${scenario.trail}: expected that it ${list} ${wanted}.${near}`, {
    expected: typeof expected === 'string' ? expected : wanted,
    actual: found,
    operator: list,
  });
}

function suggest(near: string | undefined): string {
  return near === undefined ? '' : ` Did you mean '${near}'?`;
}

function told(refusals: readonly Refusal[]): string {
  return refusals.map(({ message }) => message).join(' ');
}

function codesOf(refusals: readonly Refusal[]): string {
  return refusals.map(({ code }) => code).join(', ');
}
