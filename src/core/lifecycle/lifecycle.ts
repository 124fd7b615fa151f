import type { JsonObject } from '../json/json.js';

/** The categories that a transition can announce besides its own state change. */
export type EffectCategory = 'ActionEvent' | 'UsageEvent' | 'AlertEvent';

/** An event that a transition announces besides its state change. Data, never a callback. */
export interface Effect {
  /** Category of the event. */
  readonly category: EffectCategory;
  /** The event type, such as `VM.START` or `ALERT.USERVM`. */
  readonly type: string;
  /** Static facts that go into the event's data. */
  readonly data?: JsonObject;
}

/** How long a resource may stay in a state before an alert is raised and its timeout transition taken. */
export interface Deadline {
  /** Unique in the lifecycle and stable over restarts: `<state>/<milliseconds>`. */
  readonly id: string;
  /** The dotted path of the state node that arms it; empty for the machine itself. */
  readonly state: string;
  /** Milliseconds from entering the state. */
  readonly after: number;
  /**
   * The alert it raises, whether or not a timeout transition is taken: the first `alert` declared on
   * the `after` transition, else `ALERT.RESOURCE.STUCK`.
   */
  readonly alert: Effect;
  /** Why it is as long as it is, from the `description` of the `after` transition. */
  readonly description?: string;
}

/**
 * One state a resource can rest in: the dotted path of a leaf (`serving.healthy`), or the state value
 * as JSON when parallel regions are active (`{"power":"on","health":"good"}`).
 */
export interface StateDeclaration<TState extends string = string> {
  /** As it stands in the state column. */
  readonly name: TState;
  /** Of the state and those around it: `transitional`, `stable`, or your own. */
  readonly tags: readonly string[];
  /** A final state is terminal: no event leaves it. */
  readonly final: boolean;
  /** The earliest deadline in milliseconds, or null when the state may last for ever. */
  readonly deadline: number | null;
  /** Every deadline that runs in this state, its own and those of the states around it. */
  readonly deadlines: readonly Deadline[];
  /** Why the state exists, from the machine's `description`. */
  readonly description?: string;
}

/** One guard of a transition and the answer that selects it. */
export interface GuardCondition {
  /** The name in `setup({ guards })`; compound guards are written `and(a, not(b))`. */
  readonly name: string;
  readonly expected: boolean;
  /** Set where the condition is one about the past: what a history state of `place` returns to. */
  readonly origin?: OriginCondition;
}

/** A question about what a resource remembers: the state in which it last left `place`. */
export interface OriginCondition {
  /** The dotted path of the compound state with the history state. */
  readonly place: string;
  /** A state in `place`: the answer is yes when the remembered one is this, or lies in it. */
  readonly within: string;
}

/** One lawful step as declared: `(from, event) -> to`, with what it announces. */
export interface TransitionDeclaration<
  TState extends string = string,
  TEvent extends string = string,
> {
  /** The state it leaves. */
  readonly from: TState;
  /** An event of the lifecycle, or `DeadlineExceeded` for a timeout transition. */
  readonly event: TEvent | 'DeadlineExceeded';
  /** The id of the deadline that takes it; absent when an event does. */
  readonly deadline?: string;
  /** The state it enters; the same as `from` for a self-transition. */
  readonly to: TState;
  /** Everything it announces besides the state change; for a timeout the deadline's alert first. */
  readonly effects: readonly Effect[];
  /** All must hold; absent when the transition is unconditional. */
  readonly guards?: readonly GuardCondition[];
  /** Ids of the deadlines that begin, or begin anew. */
  readonly arms: readonly string[];
  /** Ids of the deadlines that end. */
  readonly cancels: readonly string[];
  /**
   * The states it leaves that a history state returns to, each by the path of the compound state around
   * it; absent when it leaves none.
   */
  readonly remembers?: Readonly<Record<string, string>>;
  /** Why the transition exists, from the machine's `description`. */
  readonly description?: string;
}

/**
 * A transition that the machine declares and that is never taken: an earlier candidate of the same
 * event always is, a state within takes the event first, or nothing raises the event.
 */
export interface ShadowedTransition {
  /** The dotted path of the state node that declares it; empty for the machine itself. */
  readonly state: string;
  /** The event or wildcard as declared; absent for an eventless transition. */
  readonly event?: string;
  /** Dotted paths of its targets; empty when it stays where it is. */
  readonly targets: readonly string[];
}

/** The event under which a timeout transition is announced. No caller may send it. */
export const deadlineExceeded = 'DeadlineExceeded';

/**
 * Names the trigger of a transition: its event, or `DeadlineExceeded` with the id of the deadline. Pure.
 * Transitions of one state by different deadlines differ in it.
 */
export function triggerOf({
  event,
  deadline,
}: {
  readonly event: string;
  readonly deadline?: string | undefined;
}): string {
  return deadline === undefined ? event : `${event} ${deadline}`;
}

/** The type of the alert a deadline raises when its `after` transition declares none. */
export const stuckAlert = 'ALERT.RESOURCE.STUCK';

/**
 * One row of the compiled table. Rows of a (state, event) pair are tried in order; the first whose
 * guards all answer as expected is taken.
 */
export interface TableRow<TState extends string = string> {
  /** Tells a step that was taken from one that was refused. */
  readonly lawful: true;
  readonly from: TState;
  readonly event: string;
  /** The id of the deadline that takes it; absent when an event does. */
  readonly deadline?: string;
  readonly to: TState;
  /** The same as `to`: the state after the step. */
  readonly next: TState;
  /** `from !== to`: false marks a lawful self-transition. */
  readonly changed: boolean;
  /** In the order of announcement. The alert of a deadline that fired is not among them. */
  readonly effects: readonly Effect[];
  readonly guards: readonly TableGuard[];
  /** Deadlines to arm, counted from this transition's commit. */
  readonly arms: readonly Deadline[];
  /**
   * Ids of the deadlines to cancel, before any is armed: one in both lists starts anew. Deadlines in
   * neither list go on.
   */
  readonly cancels: readonly string[];
  /** As in TransitionDeclaration. */
  readonly remembers?: Readonly<Record<string, string>>;
}

/**
 * A guard of a table row, with its implementation from `setup({ guards })`. A guard with an `origin` is
 * answered from what the resource remembers, and its `test` is never called.
 */
export interface TableGuard extends GuardCondition {
  readonly test: (context: unknown, event: LifecycleEvent) => boolean;
}

/** An event as given to `step`: its type, and what guards may look at besides. */
export interface LifecycleEvent {
  readonly type: string;
  readonly [property: string]: unknown;
}

/** Effects and deadlines of a creation in a state. */
export interface Creation<TState extends string = string> {
  /** Tells a lawful creation from a refused one. */
  readonly lawful: true;
  readonly state: TState;
  readonly effects: readonly Effect[];
  readonly arms: readonly Deadline[];
}

/** The compiled form that `step` and the stores read. Frozen; no XState inside. */
export interface LifecycleTable {
  /** state -> event -> rows in order. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, readonly TableRow[]>>;
  readonly creations: ReadonlyMap<string, Creation>;
  /** deadline id -> deadline. */
  readonly deadlines: ReadonlyMap<string, Deadline>;
  /** (state, deadline id) -> rows in order; no entry means the deadline only raises its alert. */
  readonly timeouts: ReadonlyMap<string, ReadonlyMap<string, readonly TableRow[]>>;
  /** state -> the deadlines that run in it, earliest first. Every state has an entry. */
  readonly armed: ReadonlyMap<string, readonly Deadline[]>;
  /** Every event a caller may send. */
  readonly events: ReadonlySet<string>;
  /**
   * Events whose step depends on more than the state, or is remembered: a guard is on at least one of
   * their transitions, or one leaves a compound state that has a history state.
   */
  readonly guardedEvents: ReadonlySet<string>;
  /** The compound states that history states return to, in document order, with what can be remembered. */
  readonly histories: ReadonlyMap<string, readonly string[]>;
}

/** A state as it was declared, with the states inside it. The machine itself is the outermost. */
export interface ChartNode {
  /** The last word of the path; the resource for the machine itself. */
  readonly name: string;
  /** Dotted path from the machine; empty for the machine itself. */
  readonly path: string;
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final';
  readonly tags: readonly string[];
  readonly description?: string;
  /** The path of the child entered by default; on compound states. */
  readonly initial?: string;
  readonly entry: readonly Effect[];
  readonly exit: readonly Effect[];
  readonly deadlines: readonly Deadline[];
  readonly transitions: readonly ChartTransition[];
  readonly children: readonly ChartNode[];
  /** Its history states; absent when it has none. */
  readonly histories?: readonly ChartHistory[];
}

/** A history state: a target that stands for the state in which the state around it was last left. */
export interface ChartHistory {
  readonly name: string;
  readonly path: string;
  /** It remembers the innermost state; a shallow one the direct child only. */
  readonly deep: boolean;
  /** Paths of the states entered when nothing is remembered. */
  readonly targets: readonly string[];
}

/** A transition as it was declared, on the state that declares it. */
export interface ChartTransition {
  /** Trigger of the transition; a wildcard for `event` is written as declared. */
  readonly trigger:
    | { readonly kind: 'event'; readonly event: string }
    | { readonly kind: 'deadline'; readonly deadline: Deadline }
    | { readonly kind: 'always' }
    | { readonly kind: 'done' };
  /** Paths of states and history states; empty when it stays where it is. */
  readonly targets: readonly string[];
  /** It leaves and enters its state anew, even when the target lies within it. */
  readonly reenter: boolean;
  /** Condition of the transition, such as `and(isFull, not(isLocked))`. */
  readonly guard?: string;
  readonly effects: readonly Effect[];
  /** It refuses the event here, whatever the states around would do with it. */
  readonly forbidden: boolean;
  readonly description?: string;
}

/**
 * A part of a machine whose states take turns: a region of a parallel state, or the machine itself. Its
 * states are dotted paths (`power.Running`), whatever the regions beside it are in. A state with regions
 * inside it is one state of the region around it.
 */
export interface Region {
  /** The dotted path of the region; empty for the machine itself. */
  readonly path: string;
  readonly states: readonly StateDeclaration[];
  /** Its states when a resource is created, or when the region is entered later. */
  readonly entries: readonly RegionEntry[];
  readonly transitions: readonly RegionTransition[];
}

/** A state in which a region begins. */
export interface RegionEntry {
  readonly state: string;
  /** Announced by the creation; empty where a transition of the region around enters the region. */
  readonly effects: readonly Effect[];
  readonly arms: readonly Deadline[];
}

/** A step of one region. One that leaves the region leads to a state of the region around it. */
export interface RegionTransition extends TransitionDeclaration {
  /**
   * Part of the machine that declares it, when it is not the region itself: a state `around` the region, a
   * region `within` it, or one `beside` it that leaves the parallel state of both.
   */
  readonly declared?: 'around' | 'within' | 'beside';
}

/**
 * The declared life of a resource type, compiled. Frozen data: everything but the compiler reads this
 * and never an XState type. The type parameters are the unions that make an unknown event or state
 * fail to compile.
 */
export interface Lifecycle<
  TState extends string = string,
  TEvent extends string = string,
  // oxlint-disable-next-line typescript/no-explicit-any -- a lifecycle with a context must be assignable to AnyLifecycle in both directions
  TContext = any,
  TResource extends string = string,
> {
  /** The resource type: the fourth word of the routing key, such as `VirtualMachine`. */
  readonly resource: TResource;
  /** Raised whenever the declaration changes; written into every row and every event. */
  readonly version: number;
  /** The state a resource is created in unless told otherwise. */
  readonly initial: TState;
  /** Every state a resource may be created in, the initial one first. */
  readonly initialStates: readonly TState[];
  /** Every state a resource can rest in, in the order of their declaration. */
  readonly states: readonly StateDeclaration<TState>[];
  /** Every event a caller may send. */
  readonly events: readonly TEvent[];
  /** Every lawful step, timeouts included. */
  readonly transitions: readonly TransitionDeclaration<TState, TEvent>[];
  /**
   * Its parts whose states take turns, the outer before the inner. Of a machine without parallel states
   * one, with the states and transitions of the lifecycle.
   *
   * @internal
   */
  readonly regions: readonly Region[];
  /** The machine as it was declared, nested, for diagrams. @internal */
  readonly chart: ChartNode;
  /** Declared transitions that no step ever takes, for checkers. @internal */
  readonly shadowed: readonly ShadowedTransition[];
  /** The rows that `step` and the stores look up. @internal */
  readonly table: LifecycleTable;
  /** Type only: what guards read. Never set at run time. */
  readonly '~context'?: TContext;
}

/** Any lifecycle, whatever its states and events. */
export type AnyLifecycle = Lifecycle;

/** The union of state names of a lifecycle. */
export type StateOf<L extends AnyLifecycle> = L['states'][number]['name'];

/** The dotted path of a state of a region, such as `power.Running`; never of a lifecycle without regions. */
export type RegionStateOf<L extends AnyLifecycle> = [Extract<StateOf<L>, `{${string}}`>] extends [
  never,
]
  ? never
  : `${string}.${string}`;

/** The union of event names that a caller may send. */
export type EventOf<L extends AnyLifecycle> = L['events'][number];

/** Context that the guards of a lifecycle read, projected from the entity. */
export type ContextOf<L extends AnyLifecycle> = NonNullable<L['~context']>;
