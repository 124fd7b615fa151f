import { groupBy } from './group-by.js';

/** An edge of a graph; `to` is where the next one begins. */
export interface Edge<TNode> {
  readonly from: TNode;
  readonly to: TNode;
}

/**
 * Walks that take every edge of a graph at least once. Pure. Each begins at a start, or where no start
 * leads there, at the edge itself; goes on to the nearest edge that was not taken yet; and ends when
 * there is none ahead or when it is `longest` edges long. Greedy: near the shortest, not proven so.
 */
export function coverEdges<TNode, TEdge extends Edge<TNode>>(
  edges: readonly TEdge[],
  starts: readonly TNode[],
  longest: number,
): readonly (readonly TEdge[])[] {
  const leaving = groupBy(edges, ({ from }) => from);
  const open = new Set(edges);
  const walks: TEdge[][] = [];
  while (open.size > 0) {
    const [stranded] = open;
    const walk = wayToOpen(leaving, open, starts) ?? (stranded === undefined ? [] : [stranded]);
    const take = (edge: TEdge): void => void open.delete(edge);
    walk.forEach(take);
    while (walk.length < longest) {
      const end = walk.at(-1);
      const way = end === undefined ? undefined : wayToOpen(leaving, open, [end.to]);
      if (way === undefined || walk.length + way.length > longest) break;
      way.forEach(take);
      walk.push(...way);
    }
    walks.push(walk);
  }
  return walks;
}

/** The shortest walk from one of the nodes whose last edge is open. */
function wayToOpen<TNode, TEdge extends Edge<TNode>>(
  leaving: ReadonlyMap<TNode, readonly TEdge[]>,
  open: ReadonlySet<TEdge>,
  from: readonly TNode[],
): TEdge[] | undefined {
  // The edge by which each node was first reached; breadth first, so by a shortest way.
  const reachedBy = new Map<TNode, TEdge | undefined>(from.map((node) => [node, undefined]));
  for (const node of reachedBy.keys()) {
    for (const edge of leaving.get(node) ?? []) {
      if (open.has(edge)) return wayTo(edge, reachedBy);
      if (!reachedBy.has(edge.to)) reachedBy.set(edge.to, edge);
    }
  }
  return undefined;
}

function wayTo<TNode, TEdge extends Edge<TNode>>(
  last: TEdge,
  reachedBy: ReadonlyMap<TNode, TEdge | undefined>,
): TEdge[] {
  const way = [last];
  for (let edge = reachedBy.get(last.from); edge !== undefined; edge = reachedBy.get(edge.from)) {
    way.unshift(edge);
  }
  return way;
}
