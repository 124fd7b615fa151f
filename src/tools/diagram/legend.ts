import type { EffectCategory } from '../../core/lifecycle/lifecycle.js';
import type { Graph } from './graph.js';
import { paintOfTag, type Palette } from './palette.js';

/** One entry of a legend: how it looks and what it means. */
export interface LegendEntry {
  readonly look:
    | { readonly kind: 'box'; readonly fill: string; readonly line: string; readonly style: string }
    | { readonly kind: 'dot' | 'diamond' | 'square' | 'arrow'; readonly color: string };
  readonly text: string;
}

const categories: Readonly<Record<EffectCategory, string>> = {
  UsageEvent: 'usage event',
  AlertEvent: 'alert',
  ActionEvent: 'action event',
};

/** Pure. What a picture needs explained: only of what is in it. */
export function legendOf(graph: Graph, palette: Palette): readonly LegendEntry[] {
  const { tags, states, edges } = graph;
  const isFilled = (tag: string): boolean =>
    states.some((state) => state.tags[0] === tag) || tag === 'transitional';
  const labels = [
    ...edges.flatMap((edge) => edge.labels),
    ...states.flatMap(({ staying, moments }) => [...staying, ...moments]),
  ];
  const announced = new Set(labels.flatMap(({ effects }) => effects.map((each) => each.category)));
  const box = (fill: string, line: string, style: string): LegendEntry['look'] => ({
    kind: 'box',
    fill,
    line,
    style,
  });
  return [
    ...tags.map((tag): LegendEntry => {
      const { fill, line } = paintOfTag(tag, palette);
      return isFilled(tag)
        ? { look: box(fill, line, tag === 'transitional' ? 'dashed' : ''), text: tag }
        : { look: { kind: 'square', color: line }, text: tag };
    }),
    ...(states.some(({ kind }) => kind === 'final')
      ? [{ look: box(palette.final.fill, palette.final.line, 'double'), text: 'final' }]
      : []),
    ...(labels.some(({ timed }) => timed)
      ? [{ look: { kind: 'arrow', color: palette.timed } as const, text: 'deadline' }]
      : []),
    ...Object.entries(categories)
      .filter(([category]) => announced.has(category as EffectCategory))
      .map(([category, text]): LegendEntry => ({
        look: { kind: 'diamond', color: palette.effects[category as EffectCategory] },
        text,
      })),
  ];
}
