import { ConfigurationError } from '../../core/errors/errors.js';
import { nearestName } from '../../core/errors/nearest-name.js';
import type { ChartNode } from '../../core/lifecycle/lifecycle.js';
import { isPathWithin, leavesOf } from './highlights.js';

/**
 * The paths of what is drawn around a state: the states within `distance` transitions of it, those
 * around them and those inside them. Pure. Throws ConfigurationError ARGUMENT_INVALID when the machine
 * has no such state.
 */
export function neighbourhood(
  chart: ChartNode,
  { state, distance = 1 }: { readonly state: string; readonly distance?: number },
): ReadonlySet<string> {
  const nodes = everyNode(chart);
  const paths = nodes.map(({ path }) => path);
  assertStates(chart, [state], 'around');
  const centre = leavesOf(state);
  const pairs = nodes.flatMap(({ path, transitions }) =>
    transitions.flatMap(({ targets }) => targets.map((target) => [path, target] as const)),
  );
  let near: readonly string[] = centre;
  for (let step = 0; step < distance; step += 1)
    near = [...new Set([...near, ...nextTo(near, pairs)])];
  return new Set(paths.filter((path) => near.some((leaf) => touches(path, leaf))));
}

function nextTo(
  near: readonly string[],
  pairs: readonly (readonly [string, string])[],
): readonly string[] {
  // The machine itself is next to everything, which would draw everything.
  const isNear = (path: string): boolean => path !== '' && near.some((leaf) => touches(path, leaf));
  return pairs.flatMap(([from, to]) => [
    ...(isNear(from) && to !== '' ? [to] : []),
    ...(isNear(to) && from !== '' ? [from] : []),
  ]);
}

function touches(path: string, leaf: string): boolean {
  return isPathWithin(path, leaf) || isPathWithin(leaf, path);
}

/**
 * Pure. Throws ConfigurationError ARGUMENT_INVALID when the machine lacks one of the states, by the
 * name of the option that named it.
 */
export function assertStates(
  chart: ChartNode,
  states: readonly string[],
  argument: 'around' | 'highlight',
): void {
  if (states.length === 0) return;
  const paths = new Set(everyNode(chart).map(({ path }) => path));
  const unknown = states.flatMap(leavesOf).find((leaf) => !paths.has(leaf));
  if (unknown === undefined) return;
  const near = nearestName(unknown, [...paths]);
  throw new ConfigurationError(
    'ARGUMENT_INVALID',
    `${argument}: ${chart.name} has no state '${unknown}'.${near === undefined ? '' : ` Did you mean '${near}'?`} Its states are ${[...paths].filter((path) => path !== '').join(', ')}.`,
    { parameters: { argument, state: unknown } },
  );
}

function everyNode(node: ChartNode): readonly ChartNode[] {
  return [node, ...node.children.flatMap(everyNode)];
}
