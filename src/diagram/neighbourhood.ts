import { ConfigurationError } from '../errors/errors.js';
import { nearestName } from '../errors/nearest-name.js';
import type { ChartNode } from '../lifecycle/lifecycle.js';
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
  const centre = leavesOf(state);
  const unknown = centre.find((leaf) => !paths.includes(leaf));
  if (unknown !== undefined) {
    const near = nearestName(unknown, paths);
    throw new ConfigurationError(
      'ARGUMENT_INVALID',
      `${chart.name} has no state '${unknown}'.${near === undefined ? '' : ` Did you mean '${near}'?`}`,
      { parameters: { argument: 'around', state: unknown } },
    );
  }
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

function everyNode(node: ChartNode): readonly ChartNode[] {
  return [node, ...node.children.flatMap(everyNode)];
}
