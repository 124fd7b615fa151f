import { holds } from './compile-conditions.js';
import type { Ask } from './compile-decisions.js';
import { byOrder, isWithin, type Configuration, type StateNode, type Transition } from './tree.js';

/** The active children of a node, in document order. Few are active, and a node may have thousands. */
export function activeChildren(node: StateNode, active: Configuration): readonly StateNode[] {
  return [...active].filter(({ parent }) => parent === node).toSorted(byOrder);
}

/** The transitions an event enables: in each region the innermost state that has one. */
export function select(
  node: StateNode,
  active: Configuration,
  event: string,
  internalEvent: string | undefined,
  ask: Ask,
): readonly Transition[] {
  const inner: Transition[] = [];
  for (const child of activeChildren(node, active)) {
    inner.push(...select(child, active, event, internalEvent, ask));
  }
  if (inner.length > 0) return inner;
  const own = candidates(node, event).find(({ guard }) => holds(guard, active, internalEvent, ask));
  return own === undefined ? [] : [own];
}

/** Exact candidates first, then wildcards, the longest first. */
function candidates({ transitions }: StateNode, event: string): readonly Transition[] {
  const exact = transitions.get(event) ?? [];
  const wildcards = [...transitions.keys()]
    .filter((descriptor) => descriptor !== event && matches(event, descriptor))
    .toSorted((a, b) => b.length - a.length);
  if (wildcards.length === 0) return exact;
  return [...exact, ...wildcards.flatMap((descriptor) => transitions.get(descriptor) ?? [])];
}

/** Whether a wildcard descriptor takes an event: `*` takes all, `a.*` takes `a` and all under it. */
export function matches(event: string, descriptor: string): boolean {
  if (descriptor === '*') return true;
  if (!descriptor.endsWith('.*')) return descriptor === event;
  const prefix = descriptor.slice(0, -2);
  return event === prefix || event.startsWith(`${prefix}.`);
}

/**
 * What a transition asks to enter. One that stays within its source does not ask for the source: another
 * region's transition may have left it.
 */
export function entryTargets(transition: Transition): readonly StateNode[] {
  const { source, targets = [] } = transition;
  return domainOf(transition) === source ? targets.filter((target) => target !== source) : targets;
}

/** The node that stays active while a transition is taken; undefined when even the root is left. */
function domainOf({ source, targets = [], reenter }: Transition): StateNode | undefined {
  if (!reenter && targets.every((target) => target === source || isWithin(target, source))) {
    return source;
  }
  const [first, ...others] = [...targets, source];
  for (let node = first?.parent; node; node = node.parent) {
    const around = node;
    if (others.every((other) => isWithin(other, around))) return around;
  }
  return reenter ? undefined : rootOf(source);
}

function rootOf(node: StateNode): StateNode {
  return node.parent === undefined ? node : rootOf(node.parent);
}

/** The active nodes that transitions leave. */
export function exitSet(
  transitions: readonly Transition[],
  active: Configuration,
): readonly StateNode[] {
  const left = new Set<StateNode>();
  for (const transition of transitions) {
    if (transition.targets === undefined || transition.targets.length === 0) continue;
    const domain = domainOf(transition);
    for (const node of active) {
      if (domain === undefined || isWithin(node, domain)) left.add(node);
    }
  }
  return [...left];
}

/** Of two transitions that would leave a common state, the inner one stays, else the earlier one. */
export function withoutConflicts(
  transitions: readonly Transition[],
  active: Configuration,
): readonly Transition[] {
  if (transitions.length < 2) return transitions;
  let kept: readonly { transition: Transition; exits: ReadonlySet<StateNode> }[] = [];
  for (const transition of transitions) {
    const exits = new Set(exitSet([transition], active));
    const rivals = kept.filter((other) => [...other.exits].some((node) => exits.has(node)));
    if (rivals.some((rival) => !isWithin(transition.source, rival.transition.source))) continue;
    kept = [...kept.filter((other) => !rivals.includes(other)), { transition, exits }];
  }
  return kept.map(({ transition }) => transition);
}
