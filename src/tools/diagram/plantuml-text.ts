import { signOf, type Graph, type GraphEdge, type GraphLabel, type GraphState } from './graph.js';
import { isTagged, paintOf, paletteOf, type Palette } from './palette.js';
import { visible } from './xml-text.js';

/** A graph as a PlantUML state diagram. Pure; ends with a line break. */
export function plantumlText(graph: Graph): string {
  const { root, states, edges, title, direction } = graph;
  const palette = paletteOf(graph);
  const lines = [
    '@startuml',
    `title ${escape(title)}`,
    'hide empty description',
    'skinparam shadowing false',
    `skinparam backgroundColor ${palette.ground}`,
    'skinparam defaultFontName Helvetica',
    `skinparam defaultFontColor ${palette.text}`,
    `skinparam titleFontColor ${palette.text}`,
    // Closer than by default, or a lifecycle of twenty states is wider than a screen.
    'skinparam nodesep 24',
    'skinparam ranksep 36',
    'skinparam state {',
    `  ArrowColor ${palette.arrow}`,
    `  ArrowFontColor ${palette.text}`,
    '  ArrowFontSize 11',
    `  BackgroundColor ${palette.frame.fill}`,
    `  BorderColor ${palette.frame.line}`,
    `  FontColor ${palette.text}`,
    '  FontSize 13',
    '  FontStyle bold',
    `  AttributeFontColor ${palette.quiet}`,
    '  AttributeFontSize 11',
    `  StartColor ${palette.text}`,
    `  EndColor ${palette.text}`,
    '}',
    ...(direction === 'right' ? ['left to right direction'] : []),
    ...(graph.framed || root.kind === 'parallel'
      ? [`[*] --> ${root.id}`, ...drawState(root, 0, palette)]
      : inside(root, 0, palette)),
    ...states.filter(({ creation }) => creation).map(({ id }) => `[*] --> ${id}`),
    ...edges.map((edge) => drawEdge(edge, palette)),
    '@enduml',
  ];
  return `${lines.join('\n')}\n`;
}

function drawState(state: GraphState, depth: number, palette: Palette): readonly string[] {
  const indent = '  '.repeat(depth);
  const { fill, line } = paintOf(state, palette);
  const dashed = isTagged(state, 'transitional') ? ';line.dashed' : '';
  const paint = state.children.length === 0 ? ` ${fill};line:${line.slice(1)}${dashed}` : '';
  const head = `${indent}state "${escape(`${signOf(state.mark)}${state.name}`)}" as ${state.id}${paint}`;
  const lines = linesOf(state, palette).map((text) => `${indent}${state.id} : ${text}`);
  const ending = state.kind === 'final' ? [`${indent}${state.id} --> [*]`] : [];
  if (state.children.length === 0) return [head, ...lines, ...ending];
  return [`${head} {`, ...inside(state, depth + 1, palette), `${indent}}`, ...ending, ...lines];
}

function linesOf(state: GraphState, palette: Palette): readonly string[] {
  const { tags, deadlines, moments, staying } = state;
  return [
    ...(tags.length === 0 ? [] : [`//${escape(tags.join(', '))}//`]),
    ...deadlines.map((line) => colored(palette.timed, escape(line))),
    ...moments.map((label) => labelOf(label, palette)),
    ...staying.map((label) => `${escape('↻')} ${labelOf(label, palette)}`),
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
  const text = labels.map((label) => labelOf(label, palette)).join(String.raw`\n`);
  return `${from.id} ${arrow} ${to.id} : ${text}`;
}

function labelOf({ trigger, timed, guard, effects, mark }: GraphLabel, palette: Palette): string {
  const color = mark === undefined ? (timed ? palette.timed : undefined) : palette.marks[mark].line;
  const name = escape(`${signOf(mark)}${trigger}`);
  const announced = effects.map(({ category, type }) =>
    colored(palette.effects[category], escape(type)),
  );
  return [
    color === undefined ? name : colored(color, name),
    ...(guard === undefined ? [] : [`[${escape(guard)}]`]),
    ...(announced.length === 0 ? [] : [`/ ${announced.join(', ')}`]),
  ].join(' ');
}

function colored(color: string, text: string): string {
  return `<color:${color}>${text}</color>`;
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
