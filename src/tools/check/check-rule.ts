import { components } from './components.js';
import { Exploration, type Found, type Watcher } from './exploration.js';
import type { Findings } from './finding.js';
import type { Moment } from './predicate.js';
import { broken, type Rule } from './rule.js';
import type { CreationEdge, Edge, StateGraph } from './state-graph.js';
import type { TraceStep } from './trace.js';

/**
 * Checks one rule on every path, exhaustively: states and modes of the rule are explored together. A
 * broken rule is one finding with a shortest counter-example. Throws what a predicate throws.
 */
export function checkRule(name: string, rule: Rule, graph: StateGraph, findings: Findings): void {
  const watcher = new RuleWatcher(rule, graph);
  const paths = new Exploration(graph, watcher);
  if (watcher.violation !== undefined) {
    const last = watcher.violation.at(-1);
    findings.add(
      'RULE_BROKEN',
      placeOf(name, last),
      `A path breaks the rule '${name}' in its last step.`,
      { trace: watcher.violation },
    );
    return;
  }
  const owing = [...paths.nodes].filter((node) => rule.owes(paths.modeOf(node)));
  if (owing.length === 0) return;
  const paid = [...paths.nodes].filter((node) => !rule.owes(paths.modeOf(node)));
  const canPay = paths.leadingTo(paid);
  const lost = owing.find((node) => !canPay.has(node));
  if (lost !== undefined) {
    const state = graph.states[paths.stateOf(lost)]?.name ?? '';
    findings.add(
      'RULE_BROKEN',
      { rule: name, state },
      `From ${state} on, what the rule '${name}' demands cannot happen any more.`,
      { trace: paths.traceTo(lost) },
    );
    return;
  }
  if (rule.fair) return;
  const cycle = shortestCycle(owing, paths);
  if (cycle === undefined) return;
  const [start = 0] = cycle;
  const state = graph.states[paths.stateOf(start)]?.name ?? '';
  findings.add(
    'RULE_BROKEN',
    { rule: name, state },
    `A path can go round ${state} for ever without what the rule '${name}' demands.`,
    { trace: paths.traceTo(start), loop: loopSteps(cycle, paths, graph) },
  );
}

class RuleWatcher implements Watcher {
  readonly modes: number;
  /** The first path that broke the rule, and so a shortest. */
  violation: readonly TraceStep[] | undefined;
  readonly #rule: Rule;
  readonly #graph: StateGraph;

  constructor(rule: Rule, graph: StateGraph) {
    this.modes = rule.modes;
    this.#rule = rule;
    this.#graph = graph;
  }

  created({ to, effects }: CreationEdge, found: Found): number | undefined {
    return this.#next(0, { from: undefined, event: undefined, to, effects }, found);
  }

  moved(mode: number, { from, to, transition }: Edge, found: Found): number | undefined {
    const { event, effects = [] } = transition;
    return this.#next(mode, { from, event, to, effects }, found);
  }

  #next(
    mode: number,
    step: Pick<Moment, 'event' | 'effects'> & { from: number | undefined; to: number },
    found: Found,
  ): number | undefined {
    if (this.violation !== undefined) return undefined;
    const { states } = this.#graph;
    const to = states[step.to];
    if (to === undefined) return undefined;
    const from = step.from === undefined ? undefined : states[step.from];
    const next = this.#rule.next(mode, { ...step, from, to });
    if (next !== broken) return next;
    this.violation = found.trace();
    return undefined;
  }
}

function placeOf(rule: string, step: TraceStep | undefined) {
  if (step === undefined) return { rule };
  const { from, event, to } = step;
  return from === null || event === null ? { rule, state: to } : { rule, state: from, event, to };
}

/** The nearest node that lies on a cycle of `nodes`, followed by the rest of a shortest such cycle. */
function shortestCycle(
  nodes: readonly number[],
  paths: Exploration,
): readonly number[] | undefined {
  const inside = new Set(nodes);
  const within = (node: number) => paths.successors(node).filter((next) => inside.has(next));
  const cyclic = new Set(
    components(nodes, within)
      .filter(([first = 0, ...others]) => others.length > 0 || within(first).includes(first))
      .flat(),
  );
  const start = nodes.find((node) => cyclic.has(node));
  if (start === undefined) return undefined;
  const cameFrom = new Map<number, number>();
  const queue = [start];
  for (const node of queue) {
    for (const next of within(node)) {
      if (next === start) {
        const cycle: number[] = [];
        for (let at = node; at !== start; at = cameFrom.get(at) ?? start) cycle.unshift(at);
        return [start, ...cycle];
      }
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, node);
      queue.push(next);
    }
  }
  return undefined;
}

function loopSteps(
  cycle: readonly number[],
  paths: Exploration,
  graph: StateGraph,
): readonly TraceStep[] {
  return cycle.flatMap((node, index) => {
    const target = cycle[(index + 1) % cycle.length] ?? node;
    const position = paths.successors(node).indexOf(target);
    // Successors are in the order of the edges: a rule that is not broken leaves none out.
    const edge = graph.outgoing[paths.stateOf(node)]?.[position];
    if (edge === undefined) return [];
    const { from, event, to, effects = [] } = edge.transition;
    return [{ from, event, to, ...(effects.length === 0 ? {} : { effects }) }];
  });
}
