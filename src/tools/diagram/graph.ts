import type { AnyLifecycle, ChartNode, EffectCategory } from '../../core/lifecycle/lifecycle.js';

/** A machine to draw, with its name. A lifecycle is one. */
export interface DrawnMachine extends Pick<AnyLifecycle, 'resource' | 'version' | 'initialStates'> {
  /** @internal */
  readonly chart: AnyLifecycle['chart'];
}

/** Why a part stands out. */
export type Mark = 'highlighted' | 'added' | 'removed' | 'changed';

/** A machine made ready to be drawn, in any language: ids are safe, texts are raw. */
export interface Graph {
  readonly title: string;
  /** One or two sentences for those who cannot see the picture. */
  readonly summary: string;
  readonly direction: 'down' | 'right';
  readonly theme: 'light' | 'dark';
  /** Colours and signs are explained, where the format has room for it. */
  readonly legend: boolean;
  /** Every tag that is shown, in the order in which they first appear. */
  readonly tags: readonly string[];
  /** The machine itself. */
  readonly root: GraphState;
  /** True when the machine itself must be seen as a state: something leaves it, enters it or is due in it. */
  readonly framed: boolean;
  /** Every state in document order, the machine itself not among them. */
  readonly states: readonly GraphState[];
  /** One for each pair of states, with every transition between them. */
  readonly edges: readonly GraphEdge[];
}

/** One state of a graph. */
export interface GraphState {
  /** Safe in every diagram language: a letter and a number. */
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly kind: ChartNode['kind'];
  readonly tags: readonly string[];
  readonly description: string | undefined;
  /** Those that no arrow shows: `alert after 30 min`, or the type of the alert where it is its own. */
  readonly deadlines: readonly string[];
  /** Effects on entry and exit, whatever the transition. */
  readonly moments: readonly GraphLabel[];
  /** Transitions that stay in the state, when they are not drawn as arrows. */
  readonly staying: readonly GraphLabel[];
  readonly initial: GraphState | undefined;
  /** A resource can be born here besides the initial state. */
  readonly creation: boolean;
  readonly children: readonly GraphState[];
  readonly parent: GraphState | undefined;
  readonly mark: Mark | undefined;
}

/** One arrow. */
export interface GraphEdge {
  readonly from: GraphState;
  readonly to: GraphState;
  readonly labels: readonly GraphLabel[];
  /** Every label is one that the clock triggers. */
  readonly timed: boolean;
  readonly mark: Mark | undefined;
}

/** One transition as written on an arrow or in a box. */
export interface GraphLabel {
  /** The event, or what stands for it; empty for an eventless transition. */
  readonly trigger: string;
  readonly timed: boolean;
  readonly guard: string | undefined;
  readonly effects: readonly { readonly category: EffectCategory; readonly type: string }[];
  readonly mark: Mark | undefined;
}

const signs: Readonly<Record<Mark, string>> = {
  highlighted: '» ',
  added: '+ ',
  removed: '− ',
  changed: '~ ',
};

/** Pure. The sign that stands for a mark where a language has no colours. */
export function signOf(mark: Mark | undefined): string {
  return mark === undefined ? '' : signs[mark];
}

/** Pure. A label as one line: `event [guard] / EFFECT, EFFECT`. */
export function labelText({ trigger, guard, effects, mark }: GraphLabel): string {
  const condition = guard === undefined ? '' : ` [${guard}]`;
  const announced = effects.length === 0 ? '' : ` / ${effects.map(({ type }) => type).join(', ')}`;
  return `${signOf(mark)}${trigger}${condition}${announced}`.trim();
}

/** Pure. Whether `state` is `around` or lies within it. */
export function isWithin(state: GraphState | undefined, around: GraphState): boolean {
  for (let at = state; at !== undefined; at = at.parent) if (at === around) return true;
  return false;
}

/**
 * Pure. The innermost state around both ends of an arrow; the state itself where one end lies within the
 * other.
 */
export function commonFrame(from: GraphState, to: GraphState): GraphState | undefined {
  let at: GraphState | undefined = from.children.length > 0 && from !== to ? from : from.parent;
  while (at !== undefined && !isWithin(to, at)) at = at.parent;
  return at;
}

/** Pure. The states entered when nothing else is asked for: the initial leaves. */
export function startsOf(state: GraphState): readonly GraphState[] {
  if (state.children.length === 0) return [state];
  if (state.kind === 'parallel') return state.children.flatMap(startsOf);
  const first = state.initial ?? state.children[0];
  return first === undefined ? [] : startsOf(first);
}
