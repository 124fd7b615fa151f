import {
  deadlineExceeded,
  type AnyLifecycle,
  type EffectCategory,
  type GuardCondition,
} from './lifecycle.js';

/** A lifecycle as JSON, for other programs: what `signalbox machine --format json` prints. */
export interface LifecycleDescription {
  readonly resource: string;
  readonly version: number;
  readonly initial: string;
  readonly births: readonly string[];
  readonly states: readonly {
    readonly name: string;
    readonly tags: readonly string[];
    readonly final: boolean;
    /** The earliest deadline in milliseconds; null when there is none. */
    readonly deadline: number | null;
  }[];
  /** Every event of a transition; `DeadlineExceeded`, which nobody can send, last. */
  readonly events: readonly string[];
  readonly transitions: readonly {
    readonly from: string;
    readonly event: string;
    readonly to: string;
    /** Only on guarded transitions: what must hold, such as `and(isFull, not(isLocked))`. */
    readonly guard?: string;
    readonly effects: readonly { readonly category: EffectCategory; readonly type: string }[];
  }[];
}

/** Describes a lifecycle as plain JSON. Pure; a copy, safe to change. */
export function describeLifecycle(lifecycle: AnyLifecycle): LifecycleDescription {
  const { resource, version, initial, births, states, events, transitions } = lifecycle;
  const timed = transitions.some(({ event }) => event === deadlineExceeded);
  return {
    resource,
    version,
    initial,
    births: [...births],
    states: states.map(({ name, tags, final, deadline }) => ({
      name,
      tags: [...tags],
      final,
      deadline,
    })),
    events: timed ? [...events, deadlineExceeded] : [...events],
    transitions: transitions.map(({ from, event, to, guards, effects }) => ({
      from,
      event,
      to,
      ...(guards === undefined ? {} : { guard: guardText(guards) }),
      effects: effects.map(({ category, type }) => ({ category, type })),
    })),
  };
}

/** The guards of a transition as one expression: `and(isFull, not(isLocked))`. Pure. */
export function guardText(guards: readonly GuardCondition[]): string {
  const terms = guards.map(({ name, expected }) => (expected ? name : `not(${name})`));
  return terms.length === 1 ? terms.join('') : `and(${terms.join(', ')})`;
}
