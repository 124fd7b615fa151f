import { escapeMermaid } from '../markdown/mermaid-escape.js';
import { labelText, signOf, type Graph, type GraphState } from './graph.js';
import { isTagged, paintOf, paletteOf, type Palette } from './palette.js';
import { visible } from './xml-text.js';

/** A graph as a Mermaid state diagram. Pure; ends with a line break. */
export function mermaidText(graph: Graph): string {
  const { root, states, edges, direction, title, summary } = graph;
  const creations = states.filter(({ creation }) => creation);
  const lines = [
    'stateDiagram-v2',
    `  accTitle: ${escape(title)}`,
    `  accDescr: ${escape(summary)}`,
    ...(direction === 'right' ? ['  direction LR'] : []),
    ...(graph.framed || root.kind === 'parallel'
      ? [`  [*] --> ${root.id}`, ...drawState(root, 1)]
      : inside(root, 1)),
    ...creations.map(({ id }) => `  [*] --> ${id}`),
    ...edges.map(({ from, to, labels }) => {
      const text = labels.map((label) => escape(labelText(label))).join('<br/>');
      return `  ${from.id} --> ${to.id} : ${text}`;
    }),
    ...classesOf(states, paletteOf(graph)),
  ];
  return `${lines.join('\n')}\n`;
}

function drawState(state: GraphState, depth: number): readonly string[] {
  const indent = '  '.repeat(depth);
  const isComposite = state.children.length > 0;
  const tags = isComposite && state.tags.length > 0 ? ` (${state.tags.join(', ')})` : '';
  const name = `${signOf(state.mark)}${state.name}${tags}`;
  const head = `${indent}state "${escape(name)}" as ${state.id}`;
  const ending = state.kind === 'final' ? [`${indent}${state.id} --> [*]`] : [];
  const lines = linesOf(state);
  if (!isComposite) {
    return [head, ...lines.map((line) => `${indent}${state.id} : ${escape(line)}`), ...ending];
  }
  // Mermaid takes extra lines of a composite state for its title; a note holds them instead.
  const note =
    lines.length === 0
      ? []
      : [
          `${indent}note right of ${state.id}`,
          ...lines.map((line) => `${indent}  ${escape(line)}`),
          `${indent}end note`,
        ];
  return [`${head} {`, ...inside(state, depth + 1), `${indent}}`, ...ending, ...note];
}

function linesOf({ tags, deadlines, moments, staying, children }: GraphState): readonly string[] {
  return [
    ...(tags.length === 0 || children.length > 0 ? [] : [tags.join(', ')]),
    ...deadlines,
    ...moments.map(labelText),
    ...staying.map((label) => `↻ ${labelText(label)}`),
  ];
}

function inside(state: GraphState, depth: number): readonly string[] {
  const indent = '  '.repeat(depth);
  if (state.kind === 'parallel') {
    return state.children.flatMap((child, index) => [
      ...(index === 0 ? [] : [`${indent}--`]),
      `${indent}[*] --> ${child.id}`,
      ...drawState(child, depth),
    ]);
  }
  return [
    ...(state.initial === undefined ? [] : [`${indent}[*] --> ${state.initial.id}`]),
    ...state.children.flatMap((child) => drawState(child, depth)),
  ];
}

// Mermaid colours leaves only; what a composite state is marked as stands in its name.
function classesOf(states: readonly GraphState[], palette: Palette): readonly string[] {
  const classes = new Map<string, { readonly name: string; readonly ids: string[] }>();
  for (const state of states) {
    if (state.children.length > 0) continue;
    const { fill, line } = paintOf(state, palette);
    const dashed = isTagged(state, 'transitional') ? ',stroke-dasharray:5 4' : '';
    const style = `fill:${fill},stroke:${line},color:${palette.text}${dashed}`;
    const known = classes.get(style) ?? { name: `c${classes.size}`, ids: [] };
    classes.set(style, known);
    known.ids.push(state.id);
  }
  return [...classes].flatMap(([style, { name, ids }]) => [
    `  classDef ${name} ${style}`,
    `  class ${ids.join(',')} ${name}`,
  ]);
}

function escape(text: string): string {
  return escapeMermaid(visible(text));
}
