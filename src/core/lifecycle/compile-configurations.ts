import type { JsonObject } from '../json/json.js';
import { activeChildren, type Configuration, type StateNode } from './tree.js';

/**
 * Every combination of active states, in document order. Undefined when there are more than `limit`:
 * parallel regions multiply.
 */
export function everyConfiguration(
  root: StateNode,
  limit: number,
): readonly Configuration[] | undefined {
  return countOf(root) > limit ? undefined : within(root).map((nodes) => new Set(nodes));
}

function countOf(node: StateNode): number {
  const counts = node.children.map(countOf);
  if (node.kind === 'parallel') return counts.reduce((product, count) => product * count, 1);
  return counts.length === 0 ? 1 : counts.reduce((sum, count) => sum + count, 0);
}

function within(node: StateNode): readonly (readonly StateNode[])[] {
  if (node.children.length === 0) return [[node]];
  if (node.kind !== 'parallel') {
    return node.children.flatMap((child) => within(child).map((nodes) => [node, ...nodes]));
  }
  return node.children.reduce<readonly (readonly StateNode[])[]>(
    (combinations, region) =>
      combinations.flatMap((nodes) => within(region).map((inner) => [...nodes, ...inner])),
    [[node]],
  );
}

/**
 * The name of a configuration, as the state column holds it: the dotted path of its only leaf, or the
 * state value as JSON when several regions are active. Undefined for a combination that no machine
 * can be in (two states of one compound).
 */
export function nameOf(root: StateNode, active: Configuration): string | undefined {
  const leaves = [...active].filter((node) => node.children.length === 0);
  const [leaf] = leaves;
  if (leaves.length === 1 && leaf !== undefined) return leaf.path;
  const value = valueOf(root, active);
  return value === undefined ? undefined : JSON.stringify(value);
}

function valueOf(node: StateNode, active: Configuration): JsonObject | string | undefined {
  const children = activeChildren(node, active);
  const [only] = children;
  if (node.kind === 'compound') {
    if (only === undefined || children.length > 1) return undefined;
    if (only.children.length === 0) return only.key;
  }
  const value: Record<string, JsonObject | string> = {};
  for (const child of children) {
    const inner = valueOf(child, active);
    if (inner === undefined) return undefined;
    value[child.key] = inner;
  }
  return value;
}
