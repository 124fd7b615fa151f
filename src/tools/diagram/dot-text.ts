import {
  commonFrame,
  isWithin,
  signOf,
  startsOf,
  type Graph,
  type GraphEdge,
  type GraphLabel,
  type GraphState,
} from './graph.js';
import { isTagged, paintedTag, paintOf, paintOfTag, paletteOf, type Palette } from './palette.js';
import { visible, xmlText } from './xml-text.js';

// Above this Graphviz's layered layout takes minutes, and its picture is metres wide: states only, spread
// by a force model.
const mostEdgesWithLabels = 400;

const small = 11;
// Points from line to line. A table row each: Graphviz sets lines of mixed fonts closer than others.
const leading = { name: 16, line: 13 };
// Up to this many arrows there is room between labels; more are set closer, to fit a screen.
const roomyEdges = 24;
// Characters of an event with what it announces.
const widestLabel = 30;

// Up to this many arrows find room at the sides of a box; more get this many inches each, above and below.
const narrowFan = 8;
const fanGap = 0.24;

// One name: Graphviz knows the widths of Helvetica's letters without having the font, and takes a list
// of names for Times.
const font = 'Helvetica';

/** Pure. Whether a graph is too large for labels on its arrows and a layered layout. */
export function isCrowded({ edges }: Graph): boolean {
  return edges.length > mostEdgesWithLabels;
}

/**
 * A graph in the DOT language. Pure; ends with a line break. The labels of an arrow are a node of their
 * own on it, so that it is plain which arrow they belong to.
 */
export function dotText(graph: Graph): string {
  return new DotWriter(graph).write();
}

class DotWriter {
  readonly #graph: Graph;
  readonly #palette: Palette;
  readonly #crowded: boolean;
  /** The arrows by the state in whose frame they run; undefined for those outside the machine. */
  readonly #arrows = new Map<GraphState | undefined, Arrow[]>();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#palette = paletteOf(graph);
    this.#crowded = isCrowded(graph);
    for (const arrow of arrowsOf(graph)) {
      const frame = this.#crowded ? graph.root : commonFrame(arrow.upper, arrow.lower);
      this.#arrows.set(frame, [...(this.#arrows.get(frame) ?? []), arrow]);
    }
  }

  write(): string {
    const { title, direction, root, framed } = this.#graph;
    const { ground, text, arrow } = this.#palette;
    const inside = framed ? [root] : root.children;
    const layout = this.#crowded
      ? 'layout=sfdp, overlap=prism, sep="+6", splines=line, outputorder=edgesfirst'
      : `compound=true, rankdir=${direction === 'right' ? 'LR' : 'TB'}, ${this.#graph.edges.length > roomyEdges ? 'nodesep=0.09, ranksep=0.18' : 'nodesep=0.2, ranksep=0.25'}`;
    return [
      `digraph ${quote(title)} {`,
      `  graph [${layout}, bgcolor="${ground}", pad=0.25, label=<<b>${htmlText(title)}</b>>, labelloc=t, labeljust=l, fontname="${font}", fontsize=16, fontcolor="${text}"];`,
      `  node [shape=box, style="rounded,filled", penwidth=1.4, margin="0.12,0.06", fontname="${font}", fontsize=13, fontcolor="${text}"];`,
      `  edge [color="${arrow}", arrowsize=0.7, penwidth=1.2, fontname="${font}", fontsize=${small}, fontcolor="${text}"];`,
      ...inside.flatMap((state) => this.#state(state, 1)),
      ...(framed ? [] : this.#starts(root, 1)),
      ...this.#arrowsIn(undefined, 1),
      ...(framed ? [] : this.#arrowsIn(root, 1)),
      '}',
      '',
    ].join('\n');
  }

  #state(state: GraphState, depth: number): readonly string[] {
    const indent = '  '.repeat(depth);
    const { fill, line } = paintOf(state, this.#palette);
    const dashed = isTagged(state, 'transitional') ? ',dashed' : '';
    const label = this.#stateLabel(state);
    if (state.children.length === 0) {
      const ending = state.kind === 'final' ? ', peripheries=2' : '';
      return [
        `${indent}${state.id} [class="${state.id}"${this.#fan(state)}, label=<${label}>, tooltip=${quote(tooltip(state))}, style="rounded,filled${dashed}", fillcolor="${fill}", color="${line}"${ending}];`,
      ];
    }
    const { frame, quiet } = this.#palette;
    // Regions of a parallel state are told apart by a dotted frame.
    const region = state.parent?.kind === 'parallel' ? 'dotted,' : '';
    return [
      `${indent}subgraph cluster_${state.id} {`,
      `${indent}  label=<${label}>; tooltip=${quote(tooltip(state))}; style="${region}rounded,filled${dashed}"; fillcolor="${state.mark === undefined ? frame.fill : fill}"; color="${region === '' ? line : quiet}"; labeljust=l; fontsize=13; margin=12;`,
      ...state.children.flatMap((child) => this.#state(child, depth + 1)),
      ...this.#starts(state, depth + 1),
      ...this.#arrowsIn(state, depth + 1),
      `${indent}}`,
    ];
  }

  /** A state with many arrows is as wide as they need side by side: else they run into one another. */
  #fan(state: GraphState): string {
    if (this.#crowded) return '';
    const arrows = this.#graph.edges.filter(({ from, to }) => from === state || to === state);
    if (arrows.length <= narrowFan) return '';
    const side = this.#graph.direction === 'right' ? 'height' : 'width';
    return `, ${side}=${((arrows.length / 2) * fanGap).toFixed(2)}`;
  }

  #stateLabel(state: GraphState): string {
    const { quiet, timed } = this.#palette;
    const smaller = (color: string, text: string): string =>
      `<font point-size="${small}" color="${color}">${text}</font>`;
    const staying = this.#crowded ? [] : state.staying;
    // The force model draws no frames: a path says what a state lies in.
    const shown = this.#crowded ? state.path || state.name : state.name;
    const name = `<b>${htmlText(`${signOf(state.mark)}${shown}`)}</b>`;
    const lines = [
      ...(state.tags.length === 0
        ? []
        : [smaller(quiet, state.tags.map((tag) => this.#tag(tag, state)).join(', '))]),
      ...state.deadlines.map((line) => smaller(timed, htmlText(line))),
      ...[
        ...state.moments.flatMap((label) => this.#label(label, '')),
        ...staying.flatMap((label) => this.#label(label, '↻ ')),
      ].map((line) => smaller(quiet, line)),
    ];
    if (lines.length === 0) return name;
    return tableOf([rowOf(name, leading.name), ...lines.map((line) => rowOf(line))]);
  }

  // What is announced goes on a line of its own where it would make the label wide.
  #label({ trigger, timed, guard, effects, mark }: GraphLabel, sign: string): readonly string[] {
    const { marks, quiet, timed: timedColor, effects: colors } = this.#palette;
    const color = mark === undefined ? (timed ? timedColor : undefined) : marks[mark].line;
    const name = htmlText(`${signOf(mark)}${trigger}`);
    const condition =
      guard === undefined ? '' : `&#160;<font color="${quiet}"><i>[${htmlText(guard)}]</i></font>`;
    const lines = [
      `${sign}${color === undefined ? name : `<font color="${color}">${name}</font>`}${condition}`,
    ];
    let width = trigger.length + (guard?.length ?? 0);
    for (const { category, type } of effects) {
      const announced = `<font color="${colors[category]}">◆ ${htmlText(type)}</font>`;
      width += type.length;
      if (width > widestLabel) lines.push(`&#160;&#160;&#160;${announced}`);
      else lines.push(`${lines.pop() ?? ''}&#160;${announced}`);
    }
    return lines;
  }

  // One that gives the state no colour has a square of its own.
  #tag(tag: string, state: GraphState): string {
    const text = `<i>${htmlText(tag)}</i>`;
    if (tag === paintedTag(state) || tag === 'stable') return text;
    const { line } = paintOfTag(tag, this.#palette);
    return `<font color="${line}">■</font>&#160;${text}`;
  }

  /** Where a state begins: a dot beside its initial child, and one for each child to be created in. */
  #starts(state: GraphState, depth: number): readonly string[] {
    if (this.#crowded && state !== this.#graph.root) return [];
    const { text } = this.#palette;
    const indent = '  '.repeat(depth);
    const dot = (name: string, child: GraphState, style: string, tip: string): string =>
      `${indent}${name} [shape=circle, width=0.12, fixedsize=true, label="", tooltip="${tip}", class="start ${child.id}", style=filled, fillcolor="${text}", color="${text}"]; ${name} -> ${this.#entry(child)} [class="${child.id}", style=${style}, tooltip="${tip}"${child.children.length === 0 || this.#crowded ? '' : `, lhead=cluster_${child.id}`}];`;
    const { initial } = state;
    const shown = initial !== undefined && state.children.includes(initial) ? [initial] : [];
    return [
      ...shown.map((child) => dot(startOf(state), child, 'solid', 'begins here')),
      ...this.#createdIn(state).map((child) =>
        dot(`created_${child.id}`, child, 'dashed', 'can be created here'),
      ),
    ];
  }

  #createdIn(state: GraphState): readonly GraphState[] {
    const among = this.#crowded ? this.#graph.states : state.children;
    return among.filter(({ creation }) => creation);
  }

  #arrowsIn(frame: GraphState | undefined, depth: number): readonly string[] {
    const indent = '  '.repeat(depth);
    const arrows = this.#arrows.get(frame) ?? [];
    const ofFrame = arrows.some(({ upper, down }) => upper === frame && down !== undefined);
    return [
      // What a state takes in each of its children begins at a chip inside its frame.
      ...(ofFrame && frame !== undefined && !this.#crowded
        ? [
            `${indent}${anyOf(frame)} [class="any ${frame.id}", shape=box, style="rounded,filled", height=0.1, margin="0.05,0.02", penwidth=0.8, fillcolor="${this.#palette.ground}", color="${this.#palette.quiet}", label=<<i>in any state</i>>, fontsize=${small}, fontcolor="${this.#palette.quiet}", tooltip=${quote(`in any state of ${frame.path || frame.name}`)}];`,
          ]
        : []),
      ...arrows.flatMap((arrow) => this.#arrow(arrow, frame)).map((line) => `${indent}${line}`),
    ];
  }

  // Graphviz draws edges between nodes only: an edge of a frame runs between leaves and is cut at it.
  #arrow({ id, upper, lower, down, up }: Arrow, frame: GraphState | undefined): readonly string[] {
    const style = this.#arrowStyle([down, up].filter((edge) => edge !== undefined));
    const touched = `class="${[...new Set([upper.id, lower.id])].join(' ')}"`;
    const tip = `tooltip=${quote(
      [down, up]
        .flatMap((edge) => (edge === undefined ? [] : [`${edge.from.name} to ${edge.to.name}`]))
        .join('; '),
    )}`;
    const isInto = down === undefined && upper === frame;
    const head =
      isInto || (down === undefined && upper !== frame)
        ? this.#entry(upper)
        : this.#end(upper, frame);
    const tail = up === undefined && lower !== frame ? this.#entry(lower) : this.#end(lower, frame);
    if (this.#crowded) {
      return [
        `${head} -> ${tail} [${[...style, directionOf(down, up), touched, tip].join(', ')}];`,
      ];
    }
    const cut = (end: 'ltail' | 'lhead', state: GraphState): readonly string[] =>
      state.children.length > 0 && state !== frame ? [`${end}=cluster_${state.id}`] : [];
    const [downSign, upSign] = this.#graph.direction === 'right' ? ['→ ', '← '] : ['↓ ', '↑ '];
    const both = down !== undefined && up !== undefined;
    const rows = [...this.#rows(down, both ? downSign : ''), ...this.#rows(up, both ? upSign : '')];
    return [
      `${id} [shape=plain, style="", margin=0, fontsize=${small}, ${touched}, ${tip}, label=<${tableOf(rows)}>];`,
      `${head} -> ${id} [${[...style, ...cut('ltail', upper), `dir=${up === undefined ? 'none' : 'back'}`, touched, tip].join(', ')}];`,
      `${id} -> ${tail} [${[...style, ...cut('lhead', lower), `dir=${down === undefined ? 'none' : 'forward'}`, touched, tip].join(', ')}];`,
    ];
  }

  /** The node at which an arrow ends: a leaf, or the chip where the arrow is one of the frame itself. */
  #end(state: GraphState, frame: GraphState | undefined): string {
    return state === frame && state.children.length > 0 && !this.#crowded
      ? anyOf(state)
      : leafOf(state).id;
  }

  /** The node at which an arrow into a state ends: the dot inside a frame, so that it leads to its top. */
  #entry(state: GraphState): string {
    const { initial, children, kind } = state;
    const [first] = children;
    if (first === undefined || this.#crowded) return leafOf(state).id;
    if (kind === 'parallel') return this.#entry(first);
    return initial !== undefined && children.includes(initial) ? startOf(state) : leafOf(state).id;
  }

  #rows(edge: GraphEdge | undefined, sign: string): readonly string[] {
    return (edge?.labels ?? [])
      .flatMap((label) => this.#label(label, sign))
      .map((line) => rowOf(line, leading.line, 'left'));
  }

  #arrowStyle(edges: readonly GraphEdge[]): readonly string[] {
    const { marks, timed } = this.#palette;
    const mark = edges.find((edge) => edge.mark !== undefined)?.mark;
    const isTimed = edges.every((edge) => edge.timed);
    const color = mark === undefined ? (isTimed ? timed : undefined) : marks[mark].line;
    return [
      ...(color === undefined ? [] : [`color="${color}"`]),
      ...(isTimed ? ['style=dashed'] : []),
      ...(mark === undefined ? [] : ['penwidth=2.4']),
    ];
  }
}

/** The edges between two states as one line, laid out from the state that is met first. */
interface Arrow {
  /** The name of the node that holds its labels. */
  readonly id: string;
  readonly upper: GraphState;
  readonly lower: GraphState;
  /** From `upper` to `lower`. */
  readonly down: GraphEdge | undefined;
  readonly up: GraphEdge | undefined;
}

// An edge against the reading direction is laid out the other way round: its label then lies between
// the two states, and next to the label of the edge that leads there.
function arrowsOf(graph: Graph): readonly Arrow[] {
  const order = orderOf(graph);
  const arrows = new Map<string, { -readonly [K in keyof Arrow]: Arrow[K] }>();
  for (const edge of graph.edges) {
    const { from, to } = edge;
    // What a state takes in any child leads down into it.
    const isBack = isWithin(from, to)
      ? from !== to
      : !isWithin(to, from) && (order.get(leafOf(to)) ?? 0) < (order.get(leafOf(from)) ?? 0);
    const [upper, lower] = isBack ? [to, from] : [from, to];
    // An arrow into a frame from within begins it anew: it ends at its start and not at the chip.
    const key = `${upper.id} ${lower.id}${isWithin(from, to) && from !== to ? ' into' : ''}`;
    const arrow = arrows.get(key) ?? {
      id: `e${arrows.size}`,
      upper,
      lower,
      down: undefined,
      up: undefined,
    };
    arrows.set(key, arrow);
    if (isBack) arrow.up = edge;
    else arrow.down = edge;
  }
  return [...arrows.values()];
}

function directionOf(down: GraphEdge | undefined, up: GraphEdge | undefined): string {
  if (down !== undefined && up !== undefined) return 'dir=both';
  return down === undefined ? 'dir=back' : 'dir=forward';
}

/** The leaves in the order in which a resource first meets them: breadth first, initial states first. */
function orderOf({ root, states, edges }: Graph): ReadonlyMap<GraphState, number> {
  const next = new Map<GraphState, GraphState[]>();
  for (const { from, to } of edges) {
    // What a state around declares leaves from each state inside it.
    for (const leaf of leavesOf(from)) {
      const list = next.get(leaf) ?? [];
      next.set(leaf, list);
      list.push(...startsOf(to));
    }
  }
  const met = new Set([...startsOf(root), ...states.filter(({ creation }) => creation)]);
  for (const leaf of met) for (const target of next.get(leaf) ?? []) met.add(target);
  for (const leaf of states) if (leaf.children.length === 0) met.add(leaf);
  return new Map([...met].map((leaf, index) => [leaf, index]));
}

function startOf({ id }: GraphState): string {
  return `start_${id}`;
}

function anyOf({ id }: GraphState): string {
  return `any_${id}`;
}

function leavesOf(state: GraphState): readonly GraphState[] {
  return state.children.length === 0 ? [state] : state.children.flatMap(leavesOf);
}

function leafOf(state: GraphState): GraphState {
  return startsOf(state)[0] ?? state;
}

function tooltip({ path, name, description }: GraphState): string {
  return description === undefined ? path || name : `${path || name}: ${description}`;
}

function tableOf(rows: readonly string[]): string {
  return `<table border="0" cellborder="0" cellspacing="0" cellpadding="0">${rows.join('')}</table>`;
}

function rowOf(text: string, height = leading.line, align: 'center' | 'left' = 'center'): string {
  return `<tr><td height="${height}" align="${align}">${text}</td></tr>`;
}

// In a quoted string only the quote and the backslash mean something; & would begin an HTML entity.
function quote(text: string): string {
  return `"${visible(text).replaceAll('&', '&amp;').replaceAll(/["\\]/gu, '\\$&')}"`;
}

// In an HTML-like label a backslash is an escape too, even one written as an entity: \N is the node's id.
function htmlText(text: string): string {
  return xmlText(text.replaceAll('\\', '\\\\'));
}
