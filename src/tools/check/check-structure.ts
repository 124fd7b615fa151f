import { components } from './components.js';
import { Exploration, walker } from './exploration.js';
import type { Findings } from './finding.js';
import type { RegionView } from './region-view.js';
import { isEnd, type StateGraph } from './state-graph.js';

/** Finds states that no path reaches, dead ends, livelocks, and a region that never ends. */
export function checkStructure(
  { resource, path, own, isInner }: RegionView,
  graph: StateGraph,
  findings: Findings,
): void {
  const paths = new Exploration(graph, walker);
  const reached = new Set(paths.nodes);
  graph.states.forEach(({ name, kind }, state) => {
    if (!own.has(name)) return;
    if (!reached.has(state)) {
      findings.add(
        'UNREACHABLE_STATE',
        { state: name },
        `No path from a creation of ${resource} leads to ${name}.`,
      );
      return;
    }
    if (kind !== 'final' && isEnd(graph, state)) {
      findings.add(
        'DEAD_END',
        { state: name },
        `Nothing leads from ${name} to another state, and it is not final.`,
        { trace: paths.traceTo(state) },
      );
    }
  });
  checkRest(graph, paths, findings);
  // A region inside another one may go on: the outer one ends both.
  if (!isInner && !graph.states.some(({ kind }) => kind === 'final')) {
    findings.add(
      'NO_FINAL_STATE',
      path === '' ? {} : { state: path },
      `No state of ${path === '' ? resource : `${path} of ${resource}`} is final.`,
    );
  }
}

/** From every state that is reached, a stable or final one must be within reach. */
function checkRest(graph: StateGraph, paths: Exploration, findings: Findings): void {
  const resting = [...paths.nodes].filter((state) => graph.states[state]?.kind !== 'transitional');
  const canRest = paths.leadingTo(resting);
  const restless = [...paths.nodes].filter((state) => !canRest.has(state));
  const inside = new Set(restless);
  for (const component of components(restless, (state) => paths.successors(state))) {
    const leads = component.some((state) =>
      paths.successors(state).some((next) => inside.has(next) && !component.includes(next)),
    );
    // The trap is where it ends; what leads into it is told by the trace. A lone one is a dead end.
    if (leads || component.length === 1) continue;
    const nearest = restless.find((state) => component.includes(state)) ?? 0;
    const names = component.map((state) => graph.states[state]?.name ?? '').toSorted();
    findings.add(
      'LIVELOCK',
      { state: graph.states[nearest]?.name ?? '' },
      `${names.join(', ')} lead only to each other: no stable or final state can be reached from them.`,
      { trace: paths.traceTo(nearest) },
    );
  }
}
