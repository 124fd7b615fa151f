import type { Deadline, Effect, LifecycleEvent } from './lifecycle.js';

/**
 * A machine as the compiler sees it: states, transitions, guards and effects as plain data, every
 * target resolved. What the authoring library calls them is known to `compile-machine.ts` alone.
 */
export interface StateNode {
  readonly key: string;
  /** Dotted path from the machine; empty for the machine itself. */
  readonly path: string;
  /** Position in document order: parents before children, siblings as declared. */
  readonly order: number;
  readonly depth: number;
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly parent: StateNode | undefined;
  readonly children: readonly StateNode[];
  /** The child entered by default; set on compound nodes. */
  readonly initial: StateNode | undefined;
  readonly entry: readonly Effect[];
  readonly exit: readonly Effect[];
  readonly tags: readonly string[];
  readonly description: string | undefined;
  /** Descriptor (an event, `*`, `prefix.*`, or an internal event) -> candidates in order. */
  readonly transitions: ReadonlyMap<string, readonly Transition[]>;
  /** Transitions taken without an event, as soon as their guard holds. */
  readonly always: readonly Transition[];
  readonly deadlines: readonly NodeDeadline[];
  /** The internal event raised when this node is done. */
  readonly doneEvent: string;
  /** Its history states, which are not among its children: nothing rests in them. */
  readonly histories: readonly StateNode[];
  /** Set on history states. */
  readonly history?: {
    readonly deep: boolean;
    /** Entered when nothing is remembered. */
    readonly targets: readonly StateNode[];
  };
}

/** A deadline of a node and the internal event that stands for its passing. */
export interface NodeDeadline {
  readonly deadline: Deadline;
  readonly event: string;
}

/** One candidate transition of a node. */
export interface Transition {
  readonly source: StateNode;
  /** Undefined for a transition that stays where it is. */
  readonly targets: readonly StateNode[] | undefined;
  /** Leave and enter the source even when the target lies within it. */
  readonly reenter: boolean;
  readonly guard: GuardExpression | undefined;
  readonly effects: readonly Effect[];
  /** Forbidden transitions catch an event to refuse it: no target, and no actions as declared. */
  readonly forbidden: boolean;
  readonly description: string | undefined;
}

/** A guard with its references resolved. */
export type GuardExpression =
  | {
      readonly kind: 'named';
      /** For people; two guards may have one name. */
      readonly name: string;
      /** Equal for guards that always have the same answer, and holds neither comma nor bracket. */
      readonly key: string;
      readonly test: (context: unknown, event: LifecycleEvent) => boolean;
    }
  | { readonly kind: 'not'; readonly of: GuardExpression }
  | { readonly kind: 'and' | 'or'; readonly of: readonly GuardExpression[] }
  | { readonly kind: 'in'; readonly nodes: readonly StateNode[] };

/** The active nodes of a machine, ancestors included. */
export type Configuration = ReadonlySet<StateNode>;

/** Whether `node` lies strictly within `ancestor`. */
export function isWithin(node: StateNode, ancestor: StateNode): boolean {
  let marker: StateNode | undefined = node;
  while (marker !== undefined && marker.depth > ancestor.depth) marker = marker.parent;
  return marker === ancestor && node !== ancestor;
}

/** Whether two nodes may be entered together: they lie in different regions of one parallel state. */
export function mayBeBoth(one: StateNode, other: StateNode): boolean {
  if (one === other) return true;
  if (isWithin(one, other) || isWithin(other, one)) return false;
  let around = one.parent;
  while (around !== undefined && !isWithin(other, around)) around = around.parent;
  return around?.kind === 'parallel';
}

/** Parents before children, siblings as declared. */
export function byOrder(a: StateNode, b: StateNode): number {
  return a.order - b.order;
}

/** The active children of a node, in document order. Few are active, and a node may have thousands. */
export function activeChildren(node: StateNode, active: Configuration): readonly StateNode[] {
  return [...active].filter(({ parent }) => parent === node).toSorted(byOrder);
}

/** Whether a configuration is final: its root is done. */
export function isDone(node: StateNode, active: Configuration): boolean {
  switch (node.kind) {
    case 'final':
      return active.has(node);
    case 'compound':
      return activeChildren(node, active).some(({ kind }) => kind === 'final');
    case 'parallel':
      return node.children.every((child) => isDone(child, active));
    case 'atomic':
    case 'history':
      return false;
  }
}
