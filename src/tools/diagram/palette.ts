import type { EffectCategory } from '../../core/lifecycle/lifecycle.js';
import type { Graph, GraphState, Mark } from './graph.js';

interface Paint {
  readonly fill: string;
  readonly line: string;
}

/** The colours of one theme. Every text stands out from its ground by 4.5 to 1 or more (WCAG AA). */
interface Theme {
  readonly ground: string;
  readonly text: string;
  readonly quiet: string;
  readonly arrow: string;
  readonly timed: string;
  readonly frame: Paint;
  readonly stable: Paint;
  readonly transitional: Paint;
  readonly final: Paint;
  /** A state without a tag. */
  readonly plain: Paint;
  /** Tags of the user's, in the order in which they first appear; after the last the first again. */
  readonly tags: readonly [Paint, ...Paint[]];
  readonly effects: Readonly<Record<EffectCategory, string>>;
  readonly marks: Readonly<Record<Mark, Paint>>;
}

const light: Theme = {
  ground: '#ffffff',
  text: '#0f172a',
  quiet: '#475569',
  arrow: '#64748b',
  timed: '#b45309',
  frame: { fill: '#f8fafc', line: '#cbd5e1' },
  stable: { fill: '#e6f4ec', line: '#2f855a' },
  transitional: { fill: '#fff4db', line: '#b7791f' },
  final: { fill: '#e2e8f0', line: '#334155' },
  plain: { fill: '#ffffff', line: '#64748b' },
  tags: [
    { fill: '#eef2ff', line: '#4f46e5' },
    { fill: '#fdf2f8', line: '#be185d' },
    { fill: '#ecfeff', line: '#0e7490' },
    { fill: '#f7fee7', line: '#4d7c0f' },
    { fill: '#faf5ff', line: '#7e22ce' },
    { fill: '#fff7ed', line: '#c2410c' },
  ],
  effects: { UsageEvent: '#6d28d9', AlertEvent: '#b91c1c', ActionEvent: '#0369a1' },
  marks: {
    highlighted: { fill: '#dbeafe', line: '#1d4ed8' },
    added: { fill: '#dcfce7', line: '#15803d' },
    removed: { fill: '#fee2e2', line: '#b91c1c' },
    changed: { fill: '#fef9c3', line: '#a16207' },
  },
};

const dark: Theme = {
  ground: '#0f172a',
  text: '#f1f5f9',
  quiet: '#a8b4c6',
  arrow: '#94a3b8',
  timed: '#fbbf24',
  frame: { fill: '#162033', line: '#475569' },
  stable: { fill: '#12352a', line: '#4ade80' },
  transitional: { fill: '#3a2c10', line: '#fbbf24' },
  final: { fill: '#334155', line: '#e2e8f0' },
  plain: { fill: '#1e293b', line: '#94a3b8' },
  tags: [
    { fill: '#252a52', line: '#a5b4fc' },
    { fill: '#4a1d37', line: '#f9a8d4' },
    { fill: '#12383f', line: '#67e8f9' },
    { fill: '#26350f', line: '#bef264' },
    { fill: '#38205a', line: '#d8b4fe' },
    { fill: '#46230f', line: '#fdba74' },
  ],
  effects: { UsageEvent: '#c4b5fd', AlertEvent: '#fca5a5', ActionEvent: '#7dd3fc' },
  marks: {
    highlighted: { fill: '#1e3a8a', line: '#93c5fd' },
    added: { fill: '#14532d', line: '#86efac' },
    removed: { fill: '#5f1d1d', line: '#fca5a5' },
    changed: { fill: '#4d3d0b', line: '#fde047' },
  },
};

/** The colours for one graph. */
export type Palette = Theme & {
  /** Tags that have a colour of the theme's list, in the order of that list. */
  readonly ownTags: readonly string[];
};

/** Pure. The colours of a graph. */
export function paletteOf({ theme, tags }: Pick<Graph, 'theme' | 'tags'>): Palette {
  const ownTags = tags.filter((tag) => tag !== 'transitional' && tag !== 'stable');
  return { ...(theme === 'dark' ? dark : light), ownTags };
}

/** Pure. The colours of a state: its mark's, else its kind's, else those of its tags or of the tags around it. */
export function paintOf(state: GraphState, palette: Palette): Paint {
  if (state.mark !== undefined) return palette.marks[state.mark];
  if (state.kind === 'final') return palette.final;
  const tag = paintedTag(state);
  return tag === undefined ? palette.plain : paintOfTag(tag, palette);
}

/** Pure. The tag that gives a state its colour: of several the work that goes on, else the first. */
export function paintedTag(state: GraphState): string | undefined {
  if (isTagged(state, 'transitional')) return 'transitional';
  for (let at: GraphState | undefined = state; at !== undefined; at = at.parent) {
    const [first] = at.tags;
    if (first !== undefined) return first;
  }
  return undefined;
}

/** Pure. The colours of a tag. */
export function paintOfTag(tag: string, palette: Palette): Paint {
  if (tag === 'transitional') return palette.transitional;
  if (tag === 'stable') return palette.stable;
  return palette.tags[palette.ownTags.indexOf(tag) % palette.tags.length] ?? palette.tags[0];
}

/** Pure. Whether a state or one around it has a tag. */
export function isTagged(state: GraphState, tag: string): boolean {
  for (let at: GraphState | undefined = state; at !== undefined; at = at.parent) {
    if (at.tags.includes(tag)) return true;
  }
  return false;
}
