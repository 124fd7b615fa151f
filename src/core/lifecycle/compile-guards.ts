import { and, not, or, stateIn } from 'xstate';
import { RefusedError } from '../errors/errors.js';
import { encodePlainJson } from '../json/plain-json.js';
import type { Faults } from './faults.js';
import type { LifecycleEvent } from './lifecycle.js';
import type { GuardExpression, StateNode } from './tree.js';

type Check = (...args: never[]) => boolean;
type Implementation = (
  args: { context: unknown; event: LifecycleEvent },
  params: unknown,
) => boolean;

// The combinators are functions marked with their check; comparing the mark survives minification,
// which comparing function names does not.
const checks = {
  and: checkOf(and([])),
  or: checkOf(or([])),
  not: checkOf(not(() => true)),
  in: checkOf(stateIn('')),
};

const deepestReference = 16;

/** Scope that guards refer to. */
export interface GuardScope {
  /** `setup({ guards })` of the machine. */
  readonly implementations: Readonly<Record<string, unknown>>;
  readonly root: StateNode;
  /** Finds a state by its id, as `stateIn('#id')` names it. */
  readonly byId: (id: string) => StateNode | undefined;
  readonly faults: Faults;
  /** Guards by what tells them apart, their name and params, numbered as they are met. */
  readonly numbers: Map<string, number>;
}

/**
 * Reads a guard as an expression over named guards. An inline function, params that are computed or no
 * plain JSON, or a name without implementation become faults; the expression then stands for an unknown answer.
 *
 * @param where Names the place in messages.
 */
export function readGuard(
  guard: unknown,
  where: string,
  scope: GuardScope,
  depth = 0,
): GuardExpression {
  if (typeof guard === 'function') {
    return (
      readCombinator(guard, where, scope, depth) ?? unusable('is an inline function', guard.name)
    );
  }
  const { type: name, params } = (typeof guard === 'string' ? { type: guard } : guard) as {
    type: string;
    params?: unknown;
  };
  if (typeof params === 'function') return unusable('has computed params', name);
  const implementation = scope.implementations[name];
  if (implementation === undefined) return unusable('has no implementation', name);
  if (depth >= deepestReference) {
    return unusable('refers to itself', name, 'Let one guard of the circle be a function.');
  }
  if (typeof implementation !== 'function') {
    return readGuard(implementation, where, scope, depth + 1);
  }
  const combined = readCombinator(implementation, where, scope, depth + 1);
  if (combined !== undefined) return combined;
  const text = params === undefined ? '' : paramsText(params);
  if (text === undefined) {
    return unusable('has params that are no plain JSON', name, 'Write them as plain JSON values.');
  }
  return {
    kind: 'named',
    name: text === '' ? name : `${name}(${text})`,
    key: numberOf(JSON.stringify([name, text]), scope),
    test: (context, event) => (implementation as Implementation)({ context, event }, params),
  };

  function unusable(
    fault: string,
    guardName: string,
    remedy = 'Name it in setup({ guards }), so that a refusal can name it too.',
  ): GuardExpression {
    const shown = guardName === '' ? '(anonymous)' : guardName;
    scope.faults.add('FAULT_INLINE_GUARD', `Guard '${shown}' ${where} ${fault}. ${remedy}`, {
      guard: shown,
      where,
    });
    return { kind: 'named', name: shown, key: numberOf(shown, scope), test: () => false };
  }
}

/** Undefined for what JSON would not keep: guards that differ in it alone would be taken for one. */
function paramsText(params: unknown): string | undefined {
  try {
    return encodePlainJson(params, 'params');
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
}

function numberOf(text: string, { numbers }: GuardScope): string {
  const known = numbers.get(text) ?? numbers.size;
  numbers.set(text, known);
  return String(known);
}

function readCombinator(
  guard: unknown,
  where: string,
  scope: GuardScope,
  depth: number,
): GuardExpression | undefined {
  const { check, guards, stateValue } = guard as {
    check?: Check;
    guards?: readonly unknown[];
    stateValue?: unknown;
  };
  const inner = () => (guards ?? []).map((item) => readGuard(item, where, scope, depth));
  switch (check) {
    case checks.and:
      return { kind: 'and', of: inner() };
    case checks.or:
      return { kind: 'or', of: inner() };
    case checks.not:
      return { kind: 'not', of: inner()[0] as GuardExpression };
    case checks.in: {
      const nodes = nodesOf(stateValue, scope);
      if (nodes !== undefined) return { kind: 'in', nodes };
      const state = JSON.stringify(stateValue);
      scope.faults.add('FAULT_UNKNOWN_TARGET', `stateIn(${state}) ${where} names no state.`, {
        where,
      });
      return { kind: 'in', nodes: [] };
    }
    case undefined:
      return undefined;
    default:
      // Taken for a function of the user's it would answer, and always the same.
      scope.faults.add(
        'FAULT_INLINE_GUARD',
        `A combined guard ${where} was made by another copy of xstate. Install xstate once, and import it the same way everywhere.`,
        { where },
      );
      return { kind: 'named', name: '(unknown)', key: '', test: () => false };
  }
}

function nodesOf(value: unknown, { root, byId }: GuardScope): readonly StateNode[] | undefined {
  if (typeof value === 'string' && value.startsWith('#')) {
    const node = byId(value.slice(1));
    return node === undefined ? undefined : [node];
  }
  return within(root, value);
}

function within(node: StateNode, value: unknown): readonly StateNode[] | undefined {
  if (typeof value === 'string') {
    let found: StateNode | undefined = node;
    for (const key of value.split('.')) found = found?.children.find((child) => child.key === key);
    return found === undefined ? undefined : [found];
  }
  const nodes: StateNode[] = [];
  const entries = Object.entries(value as object);
  // XState finds no state in an empty object, whatever is active.
  if (entries.length === 0) return undefined;
  for (const [key, inner] of entries) {
    const child = node.children.find((candidate) => candidate.key === key);
    const deeper = child === undefined ? undefined : within(child, inner);
    if (child === undefined || deeper === undefined) return undefined;
    nodes.push(child, ...deeper);
  }
  return nodes;
}

function checkOf(guard: unknown): Check {
  return (guard as { check: Check }).check;
}
