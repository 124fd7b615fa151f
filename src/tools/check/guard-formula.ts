import type { GuardCondition } from '../../core/lifecycle/lifecycle.js';

/** A guard as a formula over the named guards it is made of. */
export type Formula =
  | { readonly kind: 'atom'; readonly name: string }
  | { readonly kind: 'not'; readonly of: Formula }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Formula[] };

/**
 * Reads the name of a guard as lifecycles write it: `isFull`, `and(isFull, not(isLocked))`. Pure. What
 * is not a whole `and(…)`, `or(…)` or `not(…)` is one named guard, parameters included.
 */
export function parseGuard(text: string): Formula {
  const name = text.trim();
  const match = /^(and|or|not)\((.*)\)$/s.exec(name);
  const parts = match?.[2] === undefined ? undefined : splitArguments(match[2]);
  const [first] = parts ?? [];
  if (match === null || parts === undefined || first === undefined) return { kind: 'atom', name };
  if (match[1] === 'not') return { kind: 'not', of: parseGuard(first) };
  return { kind: match[1] === 'and' ? 'and' : 'or', of: parts.map(parseGuard) };
}

/** At the commas that lie outside brackets and quotes; undefined when the brackets do not match. */
function splitArguments(text: string): readonly string[] | undefined {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let begin = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if (quoted) {
      if (character === '\\') index += 1;
      else if (character === '"') quoted = false;
      continue;
    }
    if (character === '"') quoted = true;
    if ('([{'.includes(character)) depth += 1;
    if (')]}'.includes(character)) depth -= 1;
    if (depth < 0) return undefined;
    if (character !== ',' || depth > 0) continue;
    parts.push(text.slice(begin, index));
    begin = index + 1;
  }
  if (depth !== 0 || quoted) return undefined;
  return [...parts, text.slice(begin)];
}

/** Pure. */
export function not(of: Formula): Formula {
  return { kind: 'not', of };
}

/** Pure. Without formulas: what always holds. */
export function and(of: readonly Formula[]): Formula {
  return { kind: 'and', of };
}

// Two to this power assignments are tried; more guards on one event belong to nobody's head.
const mostAtoms = 16;

/**
 * Whether some answers of the named guards make the formula hold. Pure. Above 16 named guards it is
 * not tried, and said to be possible.
 */
export function canHold(formula: Formula): boolean {
  const atoms = [...atomsOf(formula)];
  if (atoms.length > mostAtoms) return true;
  for (let assignment = 0; assignment < 2 ** atoms.length; assignment += 1) {
    const holding = new Set(atoms.filter((_, index) => (assignment >> index) % 2 === 1));
    if (evaluate(formula, holding)) return true;
  }
  return false;
}

/** Whether `b` holds wherever `a` does. Pure. */
export function implies(a: Formula, b: Formula): boolean {
  return !canHold(and([a, not(b)]));
}

/** Returns the condition of a transition with these guards. Pure. */
export function formulaOf(guards: readonly GuardCondition[]): Formula {
  return and(
    guards.map(({ name, expected }) => (expected ? parseGuard(name) : not(parseGuard(name)))),
  );
}

/** Whether one of these lists of guards holds whatever the guards answer. Pure. */
export function coversEveryAnswer(lists: readonly (readonly GuardCondition[])[]): boolean {
  return !canHold(and(lists.map((guards) => not(formulaOf(guards)))));
}

function evaluate(formula: Formula, holding: ReadonlySet<string>): boolean {
  switch (formula.kind) {
    case 'atom':
      return holding.has(formula.name);
    case 'not':
      return !evaluate(formula.of, holding);
    case 'and':
      return formula.of.every((part) => evaluate(part, holding));
    case 'or':
      return formula.of.some((part) => evaluate(part, holding));
  }
}

function atomsOf(formula: Formula): ReadonlySet<string> {
  switch (formula.kind) {
    case 'atom':
      return new Set([formula.name]);
    case 'not':
      return atomsOf(formula.of);
    case 'and':
    case 'or':
      return new Set(formula.of.flatMap((part) => [...atomsOf(part)]));
  }
}
