import { labelText, signOf, type Graph, type GraphEdge, type GraphState } from './graph.js';
import { isTagged, paintOf, paletteOf, type Palette } from './palette.js';
import { visible } from './xml-text.js';

/** A graph as a PlantUML state diagram. Pure; ends with a line break. */
export function plantumlText(graph: Graph): string {
  const { root, states, edges, title, direction } = graph;
  const palette = paletteOf(graph.theme);
  const lines = [
    '@startuml',
    `title ${escape(title)}`,
    'hide empty description',
    `skinparam backgroundColor ${palette.ground}`,
    `skinparam defaultFontColor ${palette.text}`,
    `skinparam state {`,
    `  ArrowColor ${palette.arrow}`,
    `  FontColor ${palette.text}`,
    `  AttributeFontColor ${palette.quiet}`,
    `  StartColor ${palette.text}`,
    `  EndColor ${palette.text}`,
    '}',
    ...(direction === 'right' ? ['left to right direction'] : []),
    ...(graph.framed || root.kind === 'parallel'
      ? [`[*] --> ${root.id}`, ...drawState(root, 0, palette)]
      : inside(root, 0, palette)),
    ...states.filter(({ birth }) => birth).map(({ id }) => `[*] --> ${id}`),
    ...edges.map((edge) => drawEdge(edge, palette)),
    '@enduml',
  ];
  return `${lines.join('\n')}\n`;
}

function drawState(state: GraphState, depth: number, palette: Palette): readonly string[] {
  const indent = '  '.repeat(depth);
  const tags = state.tags.map((tag) => ` <<${stereotype(tag)}>>`).join('');
  const { fill, line } = paintOf(state, palette);
  const dashed = isTagged(state, 'transitional') ? ';line.dashed' : '';
  const paint = state.children.length === 0 ? ` ${fill};line:${line.slice(1)}${dashed}` : '';
  const name = escape(`${signOf(state.mark)}${state.name}`);
  const head = `${indent}state "${name}" as ${state.id}${tags}${paint}`;
  const lines = linesOf(state).map((text) => `${indent}${state.id} : ${escape(text)}`);
  const ending = state.kind === 'final' ? [`${indent}${state.id} --> [*]`] : [];
  if (state.children.length === 0) return [head, ...lines, ...ending];
  return [`${head} {`, ...inside(state, depth + 1, palette), `${indent}}`, ...ending, ...lines];
}

function linesOf({ deadlines, moments, staying }: GraphState): readonly string[] {
  return [
    ...deadlines,
    ...moments.map(labelText),
    ...staying.map((label) => `↻ ${labelText(label)}`),
  ];
}

function inside(state: GraphState, depth: number, palette: Palette): readonly string[] {
  const indent = '  '.repeat(depth);
  const children = state.children.map((child) => drawState(child, depth, palette));
  if (state.kind === 'parallel') {
    return children.flatMap((lines, index) => (index === 0 ? lines : [`${indent}--`, ...lines]));
  }
  return [
    ...(state.initial === undefined ? [] : [`${indent}[*] --> ${state.initial.id}`]),
    ...children.flat(),
  ];
}

function drawEdge({ from, to, labels, timed, mark }: GraphEdge, palette: Palette): string {
  const color = mark === undefined ? (timed ? palette.timed : undefined) : palette.marks[mark].line;
  const style = [
    ...(color === undefined ? [] : [color]),
    ...(timed ? ['dashed'] : []),
    ...(mark === undefined ? [] : ['bold']),
  ];
  const arrow = style.length === 0 ? '-->' : `-[${style.join(',')}]->`;
  const text = labels.map((label) => escape(labelText(label))).join(String.raw`\n`);
  return `${from.id} ${arrow} ${to.id} : ${text}`;
}

// Everything but letters, digits and plain punctuation is written as a character code: quotes, angle
// brackets, backslashes, and the marks of PlantUML's own formatting, which are doubled characters.
function escape(text: string): string {
  return visible(text)
    .replaceAll(
      /[^\p{L}\p{N}\p{M} .,()[\]/-]|([-./])(?=\1)/gu,
      (character) =>
        `<U+${(character.codePointAt(0) ?? 32).toString(16).toUpperCase().padStart(4, '0')}>`,
    )
    .trim();
}

// A stereotype knows no character codes.
function stereotype(tag: string): string {
  return visible(tag).replaceAll(/[^\p{L}\p{N} ._-]/gu, '_');
}
