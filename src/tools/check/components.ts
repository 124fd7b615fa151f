/**
 * The strongly connected components of a graph over numbers: sets of nodes that all lead to each
 * other, each component after those it leads to. Pure; Tarjan's algorithm with its own stack, because
 * a path of thousands of nodes would exhaust the one of the engine.
 */
export function components(
  nodes: Iterable<number>,
  successors: (node: number) => readonly number[],
): readonly (readonly number[])[] {
  const order = new Map<number, number>();
  const low = new Map<number, number>();
  const open: number[] = [];
  const isOpen = new Set<number>();
  const found: (readonly number[])[] = [];

  const enter = (node: number): Visit => {
    order.set(node, order.size);
    low.set(node, order.size - 1);
    open.push(node);
    isOpen.add(node);
    return { node, next: successors(node)[Symbol.iterator]() };
  };
  const lower = (node: number, candidate: number): void => {
    low.set(node, Math.min(low.get(node) ?? candidate, candidate));
  };

  for (const root of nodes) {
    if (order.has(root)) continue;
    const visits = [enter(root)];
    for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
      const { node } = visit;
      const step = visit.next.next();
      if (step.done !== true) {
        const known = order.get(step.value);
        if (known === undefined) visits.push(enter(step.value));
        else if (isOpen.has(step.value)) lower(node, known);
        continue;
      }
      visits.pop();
      const around = visits.at(-1);
      if (around !== undefined) lower(around.node, low.get(node) ?? 0);
      if (low.get(node) !== order.get(node)) continue;
      const component = open.splice(open.lastIndexOf(node));
      for (const member of component) isOpen.delete(member);
      found.push(component);
    }
  }
  return found;
}

interface Visit {
  readonly node: number;
  readonly next: Iterator<number>;
}
