import type { EffectCategory } from '../../core/lifecycle/lifecycle.js';
import type { Graph, GraphState, Mark } from './graph.js';

interface Paint {
  readonly fill: string;
  readonly line: string;
}

/** The colours of one theme. Every text stands out from its ground by 4.5 to 1 or more (WCAG AA). */
export interface Palette {
  readonly ground: string;
  readonly text: string;
  readonly quiet: string;
  readonly arrow: string;
  readonly timed: string;
  readonly frame: Paint;
  readonly stable: Paint;
  readonly transitional: Paint;
  readonly final: Paint;
  readonly other: Paint;
  readonly effects: Readonly<Record<EffectCategory, string>>;
  readonly marks: Readonly<Record<Mark, Paint>>;
}

const light: Palette = {
  ground: '#ffffff',
  text: '#0f172a',
  quiet: '#475569',
  arrow: '#64748b',
  timed: '#b45309',
  frame: { fill: '#f8fafc', line: '#cbd5e1' },
  stable: { fill: '#e6f4ec', line: '#2f855a' },
  transitional: { fill: '#fff4db', line: '#b7791f' },
  final: { fill: '#e2e8f0', line: '#334155' },
  other: { fill: '#eef2ff', line: '#6366f1' },
  effects: { UsageEvent: '#6d28d9', AlertEvent: '#b91c1c', ActionEvent: '#0369a1' },
  marks: {
    highlighted: { fill: '#dbeafe', line: '#1d4ed8' },
    added: { fill: '#dcfce7', line: '#15803d' },
    removed: { fill: '#fee2e2', line: '#b91c1c' },
    changed: { fill: '#fef9c3', line: '#a16207' },
  },
};

const dark: Palette = {
  ground: '#0f172a',
  text: '#f1f5f9',
  quiet: '#a8b4c6',
  arrow: '#94a3b8',
  timed: '#fbbf24',
  frame: { fill: '#162033', line: '#475569' },
  stable: { fill: '#12352a', line: '#4ade80' },
  transitional: { fill: '#3a2c10', line: '#fbbf24' },
  final: { fill: '#334155', line: '#e2e8f0' },
  other: { fill: '#252a52', line: '#a5b4fc' },
  effects: { UsageEvent: '#c4b5fd', AlertEvent: '#fca5a5', ActionEvent: '#7dd3fc' },
  marks: {
    highlighted: { fill: '#1e3a8a', line: '#93c5fd' },
    added: { fill: '#14532d', line: '#86efac' },
    removed: { fill: '#5f1d1d', line: '#fca5a5' },
    changed: { fill: '#4d3d0b', line: '#fde047' },
  },
};

/** Pure. The colours of a theme. */
export function paletteOf(theme: Graph['theme']): Palette {
  return theme === 'dark' ? dark : light;
}

/** Pure. The colours of a state: its mark's, else its kind's, else those of its tags or of the tags around it. */
export function paintOf(state: GraphState, palette: Palette): Paint {
  if (state.mark !== undefined) return palette.marks[state.mark];
  if (state.kind === 'final') return palette.final;
  if (isTagged(state, 'transitional')) return palette.transitional;
  return isTagged(state, 'stable') ? palette.stable : palette.other;
}

/** Pure. Whether a state or one around it has a tag. */
export function isTagged(state: GraphState, tag: string): boolean {
  for (let at: GraphState | undefined = state; at !== undefined; at = at.parent) {
    if (at.tags.includes(tag)) return true;
  }
  return false;
}
