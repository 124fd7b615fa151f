import type { Effect } from '../../core/lifecycle/lifecycle.js';
import type { CheckedState } from './declaration.js';

/** One moment of a resource's life, as rules see it: its creation, or a transition. */
export interface Moment {
  /** Undefined for the creation. */
  readonly from: CheckedState | undefined;
  /** Undefined for the creation. */
  readonly event: string | undefined;
  readonly to: CheckedState;
  readonly effects: readonly Effect[];
}

/** Names that a predicate looks for; a check refuses those that the lifecycle does not have. */
export interface Mentions {
  readonly states?: readonly string[];
  readonly events?: readonly string[];
}

/**
 * Whether something is the case at a moment. Any pure function will do; those made here also let a
 * misspelt state or event be found.
 */
export type Predicate = ((moment: Moment) => boolean) & { readonly mentions?: Mentions };

/** Pure. The resource is in one of these states after the moment; a state of a region is one, too. */
export function inState(...states: readonly string[]): Predicate {
  return mentioning({ states }, ({ to }) => isIn(to, states));
}

/** Pure. The resource is in a state with this tag after the moment. */
export function tagged(tag: string): Predicate {
  return ({ to }) => to.tags.includes(tag);
}

/** Pure. The moment leads into one of these states from another one, or the resource is created there. */
export function entering(...states: readonly string[]): Predicate {
  return mentioning({ states }, ({ from, to }) =>
    states.some((state) => isIn(to, [state]) && !isIn(from, [state])),
  );
}

/** Pure. The moment leads out of one of these states to another one. */
export function leaving(...states: readonly string[]): Predicate {
  return mentioning({ states }, ({ from, to }) =>
    states.some((state) => isIn(from, [state]) && !isIn(to, [state])),
  );
}

/** Pure. The moment is a transition by one of these events. */
export function on(...events: readonly string[]): Predicate {
  return mentioning({ events }, ({ event }) => event !== undefined && events.includes(event));
}

/** Pure. The moment announces an effect of one of these types, such as `VM.START`. */
export function announces(...types: readonly string[]): Predicate {
  return ({ effects }) => effects.some(({ type }) => types.includes(type));
}

/** Pure. All hold. */
export function allOf(...predicates: readonly Predicate[]): Predicate {
  return mentioning(merge(predicates), (moment) => predicates.every((holds) => holds(moment)));
}

/** Pure. At least one holds. */
export function anyOf(...predicates: readonly Predicate[]): Predicate {
  return mentioning(merge(predicates), (moment) => predicates.some((holds) => holds(moment)));
}

/** Pure. It does not hold. */
export function not(predicate: Predicate): Predicate {
  return mentioning(merge([predicate]), (moment) => !predicate(moment));
}

/** Whether a state is one of these, or one of its regions is. */
function isIn(state: CheckedState | undefined, names: readonly string[]): boolean {
  if (state === undefined) return false;
  return names.includes(state.name) || state.parts.some((part) => names.includes(part));
}

/** Merges the mentions of several predicates. Pure. */
export function merge(predicates: readonly Predicate[]): Mentions {
  return {
    states: predicates.flatMap(({ mentions }) => mentions?.states ?? []),
    events: predicates.flatMap(({ mentions }) => mentions?.events ?? []),
  };
}

function mentioning(mentions: Mentions, predicate: (moment: Moment) => boolean): Predicate {
  return Object.assign(predicate, { mentions });
}
