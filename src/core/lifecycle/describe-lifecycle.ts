import type { JsonObject } from '../json/json.js';
import {
  deadlineExceeded,
  type AnyLifecycle,
  type Effect,
  type EffectCategory,
  type GuardCondition,
} from './lifecycle.js';

/** An effect of a LifecycleDescription. */
export interface DescribedEffect {
  readonly category: EffectCategory;
  readonly type: string;
  /** Static facts that go into the event's data. */
  readonly data?: JsonObject;
}

/**
 * A lifecycle as JSON, for other programs: what `signalbox machine --format json` prints. Lossless: two
 * lifecycles that behave differently have different descriptions, but for what guards compute.
 */
export interface LifecycleDescription {
  readonly resource: string;
  readonly version: number;
  readonly initial: string;
  readonly initialStates: readonly string[];
  /** Effects and deadlines of a creation, for each state of `initialStates`. */
  readonly creations: readonly {
    readonly state: string;
    readonly effects: readonly DescribedEffect[];
    /** Ids of the deadlines that begin. */
    readonly arms: readonly string[];
  }[];
  readonly states: readonly {
    readonly name: string;
    readonly tags: readonly string[];
    readonly final: boolean;
    /** The earliest deadline in milliseconds; null when there is none. */
    readonly deadline: number | null;
    /** Ids of the deadlines that run in it. */
    readonly deadlines: readonly string[];
  }[];
  readonly deadlines: readonly {
    readonly id: string;
    /** The dotted path of the state that declares it; empty for the machine itself. */
    readonly state: string;
    /** Milliseconds. */
    readonly after: number;
    readonly alert: DescribedEffect;
  }[];
  /** Every event of a transition; `DeadlineExceeded`, which nobody can send, last. */
  readonly events: readonly string[];
  readonly transitions: readonly {
    readonly from: string;
    readonly event: string;
    /** The id of the deadline that takes it; only with `DeadlineExceeded`. */
    readonly deadline?: string;
    readonly to: string;
    /** Only on guarded transitions: what must hold, such as `and(isFull, not(isLocked))`. */
    readonly guard?: string;
    readonly effects: readonly DescribedEffect[];
    /** Ids of the deadlines that begin, or begin anew; absent when none does. */
    readonly arms?: readonly string[];
    /** Ids of the deadlines that end; absent when none does. */
    readonly cancels?: readonly string[];
    /** The states that history states return to after it, by the place they are in; absent when none. */
    readonly remembers?: Readonly<Record<string, string>>;
  }[];
}

/** Describes a lifecycle as plain JSON. Pure; a copy, safe to change. */
export function describeLifecycle(lifecycle: AnyLifecycle): LifecycleDescription {
  const { resource, version, initial, initialStates, states, events, transitions, table } =
    lifecycle;
  const timed = transitions.some(({ event }) => event === deadlineExceeded);
  return {
    resource,
    version,
    initial,
    initialStates: [...initialStates],
    creations: [...table.creations.values()].map(({ state, effects, arms }) => ({
      state,
      effects: effects.map(describeEffect),
      arms: arms.map(({ id }) => id),
    })),
    states: states.map(({ name, tags, final, deadline, deadlines }) => ({
      name,
      tags: [...tags],
      final,
      deadline,
      deadlines: deadlines.map(({ id }) => id),
    })),
    deadlines: [...table.deadlines.values()].map(({ id, state, after, alert }) => ({
      id,
      state,
      after,
      alert: describeEffect(alert),
    })),
    events: timed ? [...events, deadlineExceeded] : [...events],
    transitions: transitions.map(
      ({ from, event, deadline, to, guards, effects, arms, cancels, remembers }) => ({
        from,
        event,
        ...(deadline === undefined ? {} : { deadline }),
        to,
        ...(guards === undefined ? {} : { guard: guardText(guards) }),
        effects: effects.map(describeEffect),
        ...(arms.length === 0 ? {} : { arms: [...arms] }),
        ...(cancels.length === 0 ? {} : { cancels: [...cancels] }),
        ...(remembers === undefined ? {} : { remembers: { ...remembers } }),
      }),
    ),
  };
}

function describeEffect({ category, type, data }: Effect): DescribedEffect {
  return { category, type, ...(data === undefined ? {} : { data: structuredClone(data) }) };
}

/** The guards of a transition as one expression: `and(isFull, not(isLocked))`. Pure. */
export function guardText(guards: readonly GuardCondition[]): string {
  const terms = guards.map(({ name, expected }) => (expected ? name : `not(${name})`));
  return terms.length === 1 ? terms.join('') : `and(${terms.join(', ')})`;
}
