import { signOf, type Graph, type GraphLabel, type GraphState } from './graph.js';
import { isTagged } from './palette.js';
import { visible } from './xml-text.js';

const signs = { initial: '●', state: '○', transitional: '◌', final: '◎' } as const;
const begin = '  ';

/**
 * A graph for a terminal: the states as a tree, each with the arrows that leave it, their targets in one
 * column. Pure; ends with a line break. Without colours, so that it can be piped and compared.
 */
export function terminalText(graph: Graph): string {
  const { title, summary, root, framed } = graph;
  const names = new Map<string, number>();
  for (const { name } of graph.states) names.set(name, (names.get(name) ?? 0) + 1);
  const writer = new TreeWriter(graph, names);
  return [
    visible(title),
    visible(summary),
    '',
    ...(framed ? writer.state(root, '', true) : writer.children(root, '')),
    '',
    `${signs.initial} begins here  ${signs.state} state  ${signs.transitional} work goes on  ${signs.final} final`,
    '',
  ].join('\n');
}

class TreeWriter {
  readonly #graph: Graph;
  readonly #names: ReadonlyMap<string, number>;
  readonly #column: number;

  constructor(graph: Graph, names: ReadonlyMap<string, number>) {
    this.#graph = graph;
    this.#names = names;
    const triggers = graph.edges.flatMap(({ labels }) => labels.map((label) => conditionOf(label)));
    this.#column = Math.min(40, Math.max(0, ...triggers.map((text) => text.length)));
  }

  children(state: GraphState, indent: string): readonly string[] {
    return state.children.flatMap((child, index) =>
      this.state(child, indent, index === state.children.length - 1),
    );
  }

  state(state: GraphState, indent: string, isLast: boolean): readonly string[] {
    const { name, tags, kind, deadlines, moments, staying, children, parent, mark } = state;
    const branch = parent === undefined ? '' : isLast ? '└─' : '├─';
    const inner = `${indent}${parent === undefined ? '' : isLast ? begin : '│ '}`;
    const below = children.length > 0 ? '│ ' : begin;
    const facts = [...tags, ...(kind === 'parallel' ? ['in parallel'] : [])].join(', ');
    const arrows = this.#graph.edges
      .filter(({ from }) => from === state)
      .flatMap(({ to, labels }) => labels.map((label) => this.#arrow(label, to)));
    const lines = [
      ...deadlines,
      ...[...moments].map((label) => `${conditionOf(label)}${effectsOf(label)}`),
      ...staying.map((label) => `${conditionOf(label)} ↻${effectsOf(label)}`),
      ...arrows,
    ];
    return [
      `${indent}${branch}${this.#sign(state)} ${visible(`${signOf(mark)}${name}`)}${facts === '' ? '' : `  (${visible(facts)})`}`,
      ...lines.map((line) => `${inner}${below}  ${visible(line).trimEnd()}`),
      ...this.children(state, inner),
    ];
  }

  #arrow(label: GraphLabel, to: GraphState): string {
    const target = (this.#names.get(to.name) ?? 0) > 1 ? to.path : to.name;
    const left = `${conditionOf(label)} `;
    return `${left}${'─'.repeat(Math.max(2, this.#column + 3 - left.length))}▶ ${target}${effectsOf(label)}`;
  }

  #sign(state: GraphState): string {
    const { parent, kind, creation } = state;
    if (kind === 'final') return signs.final;
    if (parent?.initial === state || parent?.kind === 'parallel' || creation) return signs.initial;
    return isTagged(state, 'transitional') ? signs.transitional : signs.state;
  }
}

function conditionOf({ trigger, guard, mark }: GraphLabel): string {
  return `${signOf(mark)}${trigger}${guard === undefined ? '' : ` [${guard}]`}`.trim();
}

function effectsOf({ effects }: GraphLabel): string {
  return effects.map(({ type }) => `  ◆ ${type}`).join('');
}
