import { partsOf } from '../../core/lifecycle/regions.js';
import { transitional } from '../../core/lifecycle/lifecycle-rules.js';
import type {
  AnyLifecycle,
  Effect,
  GuardCondition,
  RegionTransition,
  ShadowedTransition,
} from '../../core/lifecycle/lifecycle.js';

/**
 * A lifecycle as plain data, such as one that is only planned or comes from another system. Every
 * lifecycle made by `defineLifecycle` is one; so is what breaks its rules and could not be defined.
 */
export interface LifecycleDeclaration {
  readonly resource: string;
  readonly version?: number;
  readonly initial: string;
  /** Every state a resource may be created in. Default: the initial one; it is one in any case. */
  readonly initialStates?: readonly string[];
  readonly states: readonly DeclaredState[];
  /** Events that exist. Default: those of the transitions. */
  readonly events?: readonly string[];
  /** Of one state and event, tried in order. */
  readonly transitions: readonly DeclaredTransition[];
}

/** A state of a LifecycleDeclaration. */
export interface DeclaredState {
  readonly name: string;
  readonly tags?: readonly string[];
  /**
   * Work is going on. Default: whether it has the tag `transitional`. A state of which nothing is said,
   * neither by this nor by a tag, counts as transitional when an event that reports success leaves it.
   */
  readonly transitional?: boolean;
  readonly final?: boolean;
  /** Milliseconds; null or absent when the state may last for ever. */
  readonly deadline?: number | null;
}

/** A transition of a LifecycleDeclaration. */
export interface DeclaredTransition {
  readonly from: string;
  readonly event: string;
  /** Tells transitions by different deadlines of one state apart. Absent when an event takes it. */
  readonly deadline?: string;
  readonly to: string;
  /** Events that it announces besides the state change. Default: nothing. */
  readonly effects?: readonly Effect[];
  /** All must hold. Default: unconditional. */
  readonly guards?: readonly GuardCondition[];
  /**
   * The state change itself is not announced. Default false; never true of a lifecycle made by
   * `defineLifecycle`, whose every transition is announced under the name of its event.
   */
  readonly silent?: boolean;
}

/** Kind of a state. */
export type StateKind = 'stable' | 'transitional' | 'final';

/** A state with what was left open in its declaration filled in. */
export interface CheckedState {
  readonly name: string;
  readonly tags: readonly string[];
  readonly kind: 'stable' | 'transitional' | 'final';
  readonly deadline: number | null;
  /** The states of its regions, such as `power.Running`; of a state without regions itself alone. */
  readonly parts: readonly string[];
}

/** A declaration with what was left open filled in: what every check looks at. */
export interface CheckedLifecycle {
  readonly resource: string;
  readonly creations: readonly { readonly state: string; readonly effects: readonly Effect[] }[];
  readonly states: readonly CheckedState[];
  readonly events: readonly string[];
  readonly transitions: readonly CheckedTransition[];
  readonly shadowed: readonly ShadowedTransition[];
  /** Guards are paths through a table of decisions, so that no two of one event hold together. */
  readonly compiled: boolean;
}

/** A transition, with who declares it where regions are looked at one by one. */
export type CheckedTransition = DeclaredTransition & Pick<RegionTransition, 'declared'>;

/** Fills in what a declaration leaves open. Pure. Its names are known to fit together. */
export function completeDeclaration(
  declaration: AnyLifecycle | LifecycleDeclaration,
): CheckedLifecycle {
  const { resource, initial, initialStates: creations = [], transitions } = declaration;
  const compiled = isLifecycle(declaration);
  const parts = partsOf({ regions: compiled ? declaration.regions : [] });
  const events = new Set([
    ...(declaration.events ?? []),
    ...(compiled ? [] : transitions.map(({ event }) => event)),
  ]);
  const leftBySuccess = new Set(
    transitions
      .filter(({ from, event, to }) => from !== to && reportsSuccess(event))
      .map(({ from }) => from),
  );
  return {
    resource,
    creations: [...new Set([initial, ...creations])].map((state) => ({
      state,
      effects: compiled ? (declaration.table.creations.get(state)?.effects ?? []) : [],
    })),
    states: declaration.states.map((state: DeclaredState) => ({
      name: state.name,
      tags: state.tags ?? [],
      kind: kindOf(state, leftBySuccess.has(state.name)),
      deadline: state.deadline ?? null,
      parts: parts(state.name),
    })),
    events: [...events],
    transitions,
    shadowed: compiled ? declaration.shadowed : [],
    compiled,
  };
}

/** Whether a declaration was made by `defineLifecycle`. */
export function isLifecycle(
  declaration: AnyLifecycle | LifecycleDeclaration,
): declaration is AnyLifecycle {
  return 'table' in declaration;
}

/** Returns the kind of a state. Pure. */
export function kindOf(state: DeclaredState, leftBySuccess: boolean): StateKind {
  if (state.final === true) return 'final';
  const tagged = state.tags?.includes(transitional) === true;
  const unsaid = state.transitional === undefined && (state.tags ?? []).length === 0;
  if (state.transitional ?? (tagged || (unsaid && leftBySuccess))) return 'transitional';
  return 'stable';
}

/** Whether the name of an event says that work was done. Pure. */
export function reportsSuccess(event: string): boolean {
  return /succe(ss|eded)/i.test(event);
}
