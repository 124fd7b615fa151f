import { guardText } from '../../core/lifecycle/describe-lifecycle.js';
import {
  triggerOf,
  type GuardCondition,
  type ShadowedTransition,
} from '../../core/lifecycle/lifecycle.js';
import type { CheckedLifecycle, DeclaredTransition } from './declaration.js';
import type { Findings } from './finding.js';
import { and, canHold, formulaOf, implies, not, type Formula } from './guard-formula.js';

/**
 * Finds guards that can never hold, candidates that are never taken, and guards of one state and trigger
 * that can hold together, so that only their order decides. An earlier guard that is a special case of
 * the later one is no overlap: there the order is the point.
 */
export function checkGuards(lifecycle: CheckedLifecycle, findings: Findings): void {
  const declared = lifecycle.transitions.filter((each) => each.declared === undefined);
  for (const candidates of byStateAndEvent(declared)) {
    if (candidates.length === 1 && candidates[0]?.guards === undefined) continue;
    checkCandidates(candidates.map(asCandidate(lifecycle.compiled)), findings);
  }
}

/** Finds the transitions that the compiler took nowhere. */
export function checkShadowed({ shadowed }: CheckedLifecycle, findings: Findings): void {
  for (const each of shadowed) tellShadowed(each, findings);
}

interface Candidate {
  readonly transition: DeclaredTransition;
  /** As declared, without the refusals of earlier candidates that a compiled row carries. */
  readonly own: readonly GuardCondition[];
  /** Condition under which it is taken, as far as the declaration shows it. */
  readonly formula: Formula;
}

function asCandidate(compiled: boolean) {
  return (
    transition: DeclaredTransition,
    index: number,
    all: readonly DeclaredTransition[],
  ): Candidate => {
    const guards = transition.guards ?? [];
    const earlier = new Set(
      all.slice(0, index).flatMap((other) => (other.guards ?? []).map(({ name }) => name)),
    );
    const own = compiled
      ? guards.filter(({ name, expected }) => expected || !earlier.has(name))
      : guards;
    return { transition, own, formula: formulaOf(compiled ? guards : own) };
  };
}

function checkCandidates(candidates: readonly Candidate[], findings: Findings): void {
  candidates.forEach(({ transition, own, formula }, index) => {
    const { from: state, event, deadline, to } = transition;
    const trigger = triggerOf(transition);
    const place = { state, event, ...(deadline === undefined ? {} : { deadline }), to };
    if (own.length > 0 && !canHold(formulaOf(own))) {
      findings.add('GUARD_NEVER_HOLDS', place, `${guardText(own)} can never hold.`);
      return;
    }
    const earlier = candidates.slice(0, index);
    if (!canHold(and([formula, ...earlier.map((other) => not(other.formula))]))) {
      findings.add(
        'NEVER_TAKEN',
        place,
        `${trigger} never leads from ${state} to ${to}${own.length === 0 ? '' : ` by ${guardText(own)}`}: an earlier candidate is always taken.`,
      );
      return;
    }
    const rival = earlier.find((other) => overlap(other, candidates[index] as Candidate));
    if (rival === undefined) return;
    findings.add(
      'GUARDS_OVERLAP',
      place,
      `${guardText(rival.own)} (to ${rival.transition.to}) and ${guardText(own)} (to ${to}) can hold together on ${trigger} in ${state}: the order decides.`,
    );
  });
}

function overlap(earlier: Candidate, later: Candidate): boolean {
  if (earlier.own.length === 0 || later.own.length === 0) return false;
  if (sameOutcome(earlier.transition, later.transition)) return false;
  const [first, second] = [formulaOf(earlier.own), formulaOf(later.own)];
  return canHold(and([first, second])) && !implies(first, second);
}

function sameOutcome(a: DeclaredTransition, b: DeclaredTransition): boolean {
  return a.to === b.to && JSON.stringify(a.effects ?? []) === JSON.stringify(b.effects ?? []);
}

function byStateAndEvent(
  transitions: readonly DeclaredTransition[],
): readonly (readonly DeclaredTransition[])[] {
  const groups = new Map<string, Map<string, DeclaredTransition[]>>();
  for (const transition of transitions) {
    const events = groups.get(transition.from) ?? new Map<string, DeclaredTransition[]>();
    groups.set(transition.from, events);
    const trigger = triggerOf(transition);
    const list = events.get(trigger);
    if (list === undefined) events.set(trigger, [transition]);
    else list.push(transition);
  }
  return [...groups.values()].flatMap((events) => [...events.values()]);
}

function tellShadowed({ state, event, targets }: ShadowedTransition, findings: Findings): void {
  const trigger = triggerText(event);
  findings.add(
    'NEVER_TAKEN',
    {
      ...(state === '' ? {} : { state }),
      event: trigger,
      ...(targets.length === 0 ? {} : { to: targets.join(', ') }),
    },
    `${trigger} ${state === '' ? 'of the machine' : `in ${state}`} is declared${targets.length === 0 ? '' : ` with the target ${targets.join(', ')}`} and never taken.`,
  );
}

function triggerText(event: string | undefined): string {
  if (event === undefined) return 'always';
  if (event.startsWith('xstate.done.')) return 'onDone';
  return event.startsWith('xstate.after.') ? 'after' : event;
}
