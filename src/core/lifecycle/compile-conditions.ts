import type { Ask, Condition } from './compile-decisions.js';
import type { LifecycleEvent } from './lifecycle.js';
import type { Configuration, GuardExpression } from './tree.js';

type Test = (context: unknown, event: LifecycleEvent) => boolean;
type Reduced = boolean | { readonly name: string; readonly key: string; readonly test: Test };

/**
 * Whether a guard holds in a configuration. What depends on the configuration alone is answered at
 * once; the rest is asked for. A negation is asked as the opposite answer to the same question, so
 * that `g` and `not(g)` never both hold.
 *
 * @param internalEvent Set while a transition is taken that the caller did not ask for (`onDone`):
 *   guards then see this event and not the caller's.
 */
export function holds(
  guard: GuardExpression | undefined,
  active: Configuration,
  internalEvent: string | undefined,
  ask: Ask,
): boolean {
  if (guard === undefined) return true;
  if (guard.kind === 'not') return !holds(guard.of, active, internalEvent, ask);
  const reduced = reduce(guard, active);
  if (typeof reduced === 'boolean') return reduced;
  return ask(asCondition(reduced, internalEvent));
}

function asCondition({ name, key, test }: Exclude<Reduced, boolean>, event?: string): Condition {
  if (event === undefined) return { key, name, test };
  const seen: LifecycleEvent = Object.freeze({ type: event });
  return { key: `${key} on ${event}`, name, test: (context) => test(context, seen) };
}

function reduce(guard: GuardExpression, active: Configuration): Reduced {
  switch (guard.kind) {
    case 'named':
      // A store compares the answer with true and false; XState takes anything truthy.
      return {
        name: guard.name,
        key: guard.key,
        test: (context, event) => Boolean(guard.test(context, event)),
      };
    case 'in':
      return guard.nodes.every((node) => active.has(node));
    case 'not': {
      const inner = reduce(guard.of, active);
      if (typeof inner === 'boolean') return !inner;
      return {
        name: `not(${inner.name})`,
        key: `not(${inner.key})`,
        test: (context, event) => !inner.test(context, event),
      };
    }
    case 'and':
    case 'or':
      return combine(
        guard.kind,
        guard.of.map((inner) => reduce(inner, active)),
      );
  }
}

function combine(kind: 'and' | 'or', parts: readonly Reduced[]): Reduced {
  const deciding = kind === 'or';
  if (parts.includes(deciding)) return deciding;
  const open = parts.filter((part) => typeof part !== 'boolean');
  const [first, ...rest] = open;
  if (first === undefined) return !deciding;
  if (rest.length === 0) return first;
  const tests = open.map(({ test }) => test);
  return {
    name: `${kind}(${open.map(({ name }) => name).join(', ')})`,
    key: `${kind}(${open.map(({ key }) => key).join(',')})`,
    test:
      kind === 'and'
        ? (context, event) => tests.every((test) => test(context, event))
        : (context, event) => tests.some((test) => test(context, event)),
  };
}
