import { ConfigurationError } from '../../core/errors/errors.js';
import { dotText, isCrowded } from './dot-text.js';
import type { Graph, GraphState } from './graph.js';
import { legendOf, type LegendEntry } from './legend.js';
import { paletteOf, type Palette } from './palette.js';
import {
  boxOf,
  numbersIn,
  textRuns,
  type Layout,
  type LayoutEdge,
  type LayoutObject,
  type LayoutStep,
  type TextRun,
} from './svg-layout.js';
import { visible, xmlText } from './xml-text.js';

type GraphvizModule = typeof import('@hpcc-js/wasm-graphviz');

/**
 * A graph as SVG, laid out by Graphviz in WebAssembly. Rejects with ConfigurationError DRIVER_MISSING
 * where `@hpcc-js/wasm-graphviz` is not installed.
 */
export async function svgText(graph: Graph): Promise<string> {
  const { Graphviz } = await loadGraphviz();
  const graphviz = await Graphviz.load();
  const layout = JSON.parse(graphviz.layout(dotText(graph), 'json', 'dot')) as Layout;
  return new SvgWriter(graph, layout).write();
}

async function loadGraphviz(): Promise<GraphvizModule> {
  try {
    return await import('@hpcc-js/wasm-graphviz');
  } catch (cause) {
    throw new ConfigurationError(
      'DRIVER_MISSING',
      'SVG and PNG need the package @hpcc-js/wasm-graphviz. Install it with `npm install --save-dev @hpcc-js/wasm-graphviz`; the text formats need nothing.',
      { parameters: { package: '@hpcc-js/wasm-graphviz' }, cause },
    );
  }
}

const margin = 18;
const legendSize = 11;
const legendRow = 20;
// More rules than this would make the picture slow to look at.
const mostHovers = 200;

/** Writes a laid out graph. Every text has the width that was measured, whatever font draws it. */
class SvgWriter {
  readonly #graph: Graph;
  readonly #layout: Layout;
  readonly #palette: Palette;
  readonly #states: ReadonlyMap<string, GraphState>;
  readonly #width: number;
  readonly #top: number;

  constructor(graph: Graph, layout: Layout) {
    this.#graph = graph;
    this.#layout = layout;
    this.#palette = paletteOf(graph);
    this.#states = new Map([graph.root, ...graph.states].map((state) => [state.id, state]));
    const [, , right = 0, top = 0] = numbersIn(layout.bb);
    this.#width = right;
    this.#top = top;
  }

  write(): string {
    const { title, summary } = this.#graph;
    const { objects = [], edges = [] } = this.#layout;
    const clusters = objects.filter(({ bb }) => bb !== undefined);
    const nodes = objects.filter(({ pos }) => pos !== undefined);
    const legend = this.#legend();
    const width = Math.ceil(Math.max(this.#width, legend.width) + 2 * margin);
    const height = Math.ceil(this.#top + legend.below + 2 * margin);
    return [
      `<svg role="img" aria-labelledby="signalbox-title signalbox-description" width="${width}" height="${height}" style="max-width:100%;height:auto" viewBox="0.00 0.00 ${width}.00 ${height}.00" xmlns="http://www.w3.org/2000/svg" font-family="Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif">`,
      `<title id="signalbox-title">${xmlText(title)}</title>`,
      `<desc id="signalbox-description">${xmlText(summary)}</desc>`,
      ...this.#hovers(),
      `<rect width="${width}" height="${height}" fill="${this.#palette.ground}"/>`,
      `<g transform="translate(${margin} ${margin})" stroke-linejoin="round">`,
      ...texts(textRuns(this.#layout._ldraw_), this.#top),
      ...legend.lines,
      // The outer frames first, so that the inner ones lie on them.
      ...clusters
        .toSorted((a, b) => areaOf(b) - areaOf(a))
        .map((cluster) => this.#shape(cluster, 'frame')),
      ...edges.map((edge) => this.#edge(edge)),
      ...clusters.map((cluster) => this.#frameName(cluster)),
      ...nodes.map((node) => this.#shape(node, /^e\d/u.test(node.name) ? 'label' : 'state')),
      '</g>',
      '</svg>',
      '',
    ].join('\n');
  }

  /** A pointer on a state dims every arrow that does not touch it. */
  #hovers(): readonly string[] {
    const drawn = this.#graph.states.filter(({ children }) => children.length === 0);
    if (drawn.length > mostHovers) return [];
    const rules = drawn.map(
      ({ id }) => `svg:has(.state.${id}:hover) :is(.arrow,.label):not(.${id}){opacity:.12}`,
    );
    return [
      '<style>.arrow,.label{transition:opacity .15s}',
      ...rules,
      '@media(prefers-reduced-motion:reduce){.arrow,.label{transition:none}}</style>',
    ];
  }

  #shape(object: LayoutObject, kind: 'frame' | 'label' | 'state'): string {
    const { name, fillcolor, color, penwidth = '1.2', style = '', peripheries } = object;
    const state = this.#states.get(name.replace(/^cluster_/u, ''));
    const { x, y, width, height } = boxOf(object, this.#top);
    const runs = texts(textRuns(object._ldraw_), this.#top);
    const classes = object.class === undefined ? kind : `${kind} ${object.class}`;
    const title = state === undefined ? (object.tooltip ?? '') : titleOf(state);
    const head = `<g class="${classes}">${title === '' ? '' : `<title>${xmlText(title)}</title>`}`;
    const pen = `fill="${fillcolor ?? 'none'}" stroke="${color ?? 'none'}" stroke-width="${penwidth}"${dashes(style)}`;
    if (kind === 'label') return [head, `<g ${this.#halo()}>`, ...runs, '</g></g>'].join('\n');
    if (object.shape === 'circle') {
      return `${head}<ellipse cx="${shown(x + width / 2)}" cy="${shown(y + height / 2)}" rx="${shown(width / 2)}" ry="${shown(height / 2)}" ${pen}/></g>`;
    }
    const rect = (inset: number): string =>
      `<rect x="${shown(x + inset)}" y="${shown(y + inset)}" width="${shown(width - 2 * inset)}" height="${shown(height - 2 * inset)}" rx="8" ${pen}/>`;
    return [head, rect(0), ...(peripheries === '2' ? [rect(3)] : []), ...runs, '</g>'].join('\n');
  }

  #frameName(cluster: LayoutObject): string {
    return [
      `<g ${this.#halo(cluster.fillcolor)}>`,
      ...texts(textRuns(cluster._ldraw_), this.#top),
      '</g>',
    ].join('\n');
  }

  /** A text keeps clear of the arrows behind it. */
  #halo(ground = this.#palette.ground): string {
    return `stroke="${ground}" stroke-width="3" stroke-linejoin="round" paint-order="stroke"`;
  }

  #edge(edge: LayoutEdge): string {
    const { color = this.#palette.arrow, style = '', penwidth = '1.2', tooltip = '' } = edge;
    const lines = (edge._draw_ ?? [])
      .filter(({ op }) => op === 'b' || op === 'B' || op === 'L')
      .map((step) => `<path d="${this.#curve(step)}"/>`);
    const heads = [...(edge._hdraw_ ?? []), ...(edge._tdraw_ ?? [])]
      .filter(({ op }) => op === 'P')
      .map(
        ({ points = [] }) =>
          `<polygon points="${points.map((point) => this.#point(point)).join(' ')}" fill="${color}" stroke-dasharray="none"/>`,
      );
    return [
      `<g class="arrow ${edge.class ?? ''}" fill="none" stroke="${color}" stroke-width="${penwidth}"${dashes(style)}>${tooltip === '' ? '' : `<title>${xmlText(tooltip)}</title>`}`,
      ...lines,
      ...heads,
      '</g>',
    ].join('\n');
  }

  #curve({ op, points = [] }: LayoutStep): string {
    const [first, ...others] = points.map((point) => this.#point(point));
    return `M${first ?? ''}${op === 'L' ? 'L' : 'C'}${others.join(' ')}`;
  }

  #point([x, y]: readonly [number, number]): string {
    return `${shown(x)},${shown(this.#top - y)}`;
  }

  /** Beside the title where there is room, else below the picture. */
  #legend(): {
    readonly lines: readonly string[];
    readonly width: number;
    readonly below: number;
  } {
    const entries =
      this.#graph.legend && !isCrowded(this.#graph) ? legendOf(this.#graph, this.#palette) : [];
    const widths = entries.map(({ text }) => 34 + widthOf(text));
    const total = widths.reduce((sum, width) => sum + width, 0);
    const title = textRuns(this.#layout._ldraw_).reduce(
      (most, { x, width }) => Math.max(most, x + width),
      0,
    );
    if (entries.length === 0) return { lines: [], width: 0, below: 0 };
    const isBeside = title + 24 + total <= this.#width;
    const most = Math.max(this.#width, ...widths);
    let x = isBeside ? this.#width - total : 0;
    let y = isBeside ? 10 : this.#top + legendRow;
    const lines = entries.map((entry, index) => {
      const width = widths[index] ?? 0;
      if (!isBeside && x > 0 && x + width > most) [x, y] = [0, y + legendRow];
      const line = this.#legendEntry(entry, x, y);
      x += width;
      return line;
    });
    return {
      lines: ['<g class="legend">', ...lines, '</g>'],
      width: most,
      below: isBeside ? 0 : y - this.#top + 4,
    };
  }

  #legendEntry({ look, text }: LegendEntry, x: number, y: number): string {
    const words = textOf(
      {
        x: x + 22,
        y: 0,
        width: widthOf(text),
        text,
        size: legendSize,
        color: this.#palette.quiet,
        isBold: false,
        isItalic: false,
      },
      y + 4,
    );
    switch (look.kind) {
      case 'box': {
        const pen = `fill="${look.fill}" stroke="${look.line}" stroke-width="1.2"${dashes(look.style)}`;
        const inner =
          look.style === 'double'
            ? `<rect x="${shown(x + 2)}" y="${shown(y - 3.5)}" width="12" height="7" rx="2" ${pen}/>`
            : '';
        return `<rect x="${shown(x)}" y="${shown(y - 5.5)}" width="16" height="11" rx="3" ${pen}/>${inner}${words}`;
      }
      case 'arrow':
        return `<path d="M${shown(x)},${shown(y)}L${shown(x + 16)},${shown(y)}" fill="none" stroke="${look.color}" stroke-width="1.4" stroke-dasharray="4 3"/>${words}`;
      case 'square':
        return `<rect x="${shown(x + 5)}" y="${shown(y - 3)}" width="7" height="7" fill="${look.color}"/>${words}`;
      case 'dot':
        return `<circle cx="${shown(x + 8)}" cy="${shown(y)}" r="4" fill="${look.color}"/>${words}`;
      case 'diamond':
        return `<path d="M${shown(x + 8)},${shown(y - 4.5)}l4.5,4.5l-4.5,4.5l-4.5,-4.5z" fill="${look.color}"/>${words}`;
    }
  }
}

function texts(runs: readonly TextRun[], top: number): readonly string[] {
  return runs.map((run) => textOf(run, top - run.y));
}

function textOf(run: TextRun, y: number): string {
  const { x, width, text, size, color, isBold, isItalic } = run;
  // Spaces at an end are not drawn in SVG, and the width would go to the letters.
  const kept = xmlText(text).replaceAll(/^ +| +$/gu, (spaces) => '\u00A0'.repeat(spaces.length));
  const font = `${isBold ? ' font-weight="bold"' : ''}${isItalic ? ' font-style="italic"' : ''}`;
  const fitted = width > 0 ? ` textLength="${shown(width)}" lengthAdjust="spacingAndGlyphs"` : '';
  return `<text x="${shown(x)}" y="${shown(y)}" font-size="${size}" fill="${color}"${font}${fitted}>${kept}</text>`;
}

/** About the width of a text of the legend in Helvetica: whatever the font, it is set into this width. */
function widthOf(text: string): number {
  const narrow = text.match(/[fijlrt.,:;'I|!()[\]\s-]/gu)?.length ?? 0;
  return 6 * text.length - 3 * narrow;
}

function areaOf({ bb = '' }: LayoutObject): number {
  const [left = 0, bottom = 0, right = 0, top = 0] = numbersIn(bb);
  return (right - left) * (top - bottom);
}

function dashes(style: string): string {
  if (style.includes('dashed')) return ' stroke-dasharray="5 3"';
  return style.includes('dotted') ? ' stroke-dasharray="1.2 4" stroke-linecap="round"' : '';
}

function shown(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function titleOf({ path, name, tags, kind, description }: GraphState): string {
  const facts = [...tags, ...(kind === 'final' ? ['final'] : [])];
  const head = facts.length === 0 ? path || name : `${path || name} (${facts.join(', ')})`;
  return visible(description === undefined ? head : `${head}: ${description}`);
}
