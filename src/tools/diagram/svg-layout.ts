/** Layout of Graphviz from its JSON: points from the lower left corner. */
export interface Layout {
  /** `left,bottom,right,top`. */
  readonly bb: string;
  readonly _ldraw_?: readonly LayoutStep[];
  /** Clusters and nodes. */
  readonly objects?: readonly LayoutObject[];
  readonly edges?: readonly LayoutEdge[];
}

/** A cluster, which has a box of its own, or a node. */
export interface LayoutObject {
  readonly name: string;
  readonly class?: string;
  readonly tooltip?: string;
  /** Of a cluster. */
  readonly bb?: string;
  /** Of a node: its middle, and its size in inches. */
  readonly pos?: string;
  readonly width?: string;
  readonly height?: string;
  readonly shape?: string;
  readonly style?: string;
  readonly fillcolor?: string;
  readonly color?: string;
  readonly penwidth?: string;
  readonly peripheries?: string;
  readonly _ldraw_?: readonly LayoutStep[];
}

/** An arrow, or the half of one that has a label on it. */
export interface LayoutEdge {
  readonly class?: string;
  readonly tooltip?: string;
  readonly style?: string;
  readonly color?: string;
  readonly penwidth?: string;
  readonly _draw_?: readonly LayoutStep[];
  /** The arrow heads. */
  readonly _hdraw_?: readonly LayoutStep[];
  readonly _tdraw_?: readonly LayoutStep[];
}

/** One step of drawing; which properties there are depends on `op`. */
export interface LayoutStep {
  readonly op: string;
  readonly color?: string;
  readonly size?: number;
  /** 1 bold, 2 italic. */
  readonly fontchar?: number;
  readonly points?: readonly (readonly [number, number])[];
  readonly pt?: readonly [number, number];
  readonly width?: number;
  readonly text?: string;
}

/** A rectangle with y downwards. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A text as it was measured. */
export interface TextRun {
  readonly x: number;
  /** Of the baseline, upwards. */
  readonly y: number;
  readonly width: number;
  readonly text: string;
  readonly size: number;
  readonly color: string;
  readonly isBold: boolean;
  readonly isItalic: boolean;
}

const pointsPerInch = 72;

/** Pure. The place of a cluster or a node, with y downwards from `top`. */
export function boxOf({ bb, pos, width, height }: LayoutObject, top: number): Box {
  if (bb !== undefined) {
    const [left = 0, bottom = 0, right = 0, upper = 0] = numbersIn(bb);
    return { x: left, y: top - upper, width: right - left, height: upper - bottom };
  }
  const [x = 0, y = 0] = numbersIn(pos ?? '');
  const [wide, high] = [Number(width) * pointsPerInch, Number(height) * pointsPerInch];
  return { x: x - wide / 2, y: top - y - high / 2, width: wide, height: high };
}

/** Pure. The numbers in a list such as `0,0,590.49,390.56`. */
export function numbersIn(text: string): readonly number[] {
  return text.split(',').map(Number);
}

/** Pure. The texts of a label, rows of one size as far apart as the others. */
export function textRuns(steps: readonly LayoutStep[] = []): readonly TextRun[] {
  const runs: TextRun[] = [];
  let [size, color, fontchar] = [11, '#000000', 0];
  for (const step of steps) {
    if (step.op === 'F') size = step.size ?? size;
    if (step.op === 'c') color = step.color ?? color;
    if (step.op === 't') fontchar = step.fontchar ?? 0;
    if (step.op !== 'T' || step.pt === undefined || step.text === undefined) continue;
    runs.push({
      x: step.pt[0],
      y: step.pt[1],
      width: step.width ?? 0,
      text: step.text,
      size,
      color,
      isBold: fontchar % 2 === 1,
      isItalic: fontchar >= 2,
    });
  }
  return evenly(runs);
}

// Graphviz sets lines of mixed fonts at uneven distances.
function evenly(runs: readonly TextRun[]): readonly TextRun[] {
  const smallest = Math.min(...runs.map(({ size }) => size));
  const rows = [
    ...new Set(runs.filter(({ size }) => size === smallest).map(({ y }) => y)),
  ].toSorted((a, b) => b - a);
  const [first, last] = [rows[0], rows.at(-1)];
  if (first === undefined || last === undefined || rows.length < 3) return runs;
  const distance = (first - last) / (rows.length - 1);
  return runs.map((run) =>
    run.size === smallest ? { ...run, y: first - rows.indexOf(run.y) * distance } : run,
  );
}
