import type { deadlineExceeded, AnyLifecycle, EventOf } from '../lifecycle/lifecycle.js';
import type { Category } from './category.js';
import type { AsyncJobEventType } from './event.js';
import type { KnownActionType, KnownAlertType, KnownUsageType } from './event-types.js';
import type { EventFilter, EventSelection, OneOrMore } from './event-filter.js';
import type { ForeignType } from './foreign-type.js';

/**
 * A selection that names nothing unknown: what is no property of a filter, and a type that its categories
 * and resources do not have, fail to compile. Conditional and no intersection, in whose errors the compiler
 * would not tell the nearest name.
 */
export type KnownSelection<S extends EventSelection> = S extends Known<S> ? S : Known<S>;

type Known<S extends EventSelection> = S extends string
  ? S
  : S extends readonly EventSelection[]
    ? { readonly [I in keyof S]: S[I] extends EventSelection ? Known<S[I]> : never }
    : S extends EventFilter
      ? KnownFilter<S>
      : never;

type KnownFilter<F extends EventFilter> = {
  readonly [K in keyof F]: K extends 'type'
    ? OneOrMore<FilterType<F>>
    : K extends keyof EventFilter
      ? F[K]
      : never;
};

/** The types that a filter may name. Lifecycles whose names the compiler does not know allow any. */
export type FilterType<F extends EventFilter> =
  TypesByCategory<EventOfResource<Each<F['resource']>>>[CategoryOfFilter<F>] | ForeignType | '*';

interface TypesByCategory<TEvent extends string> {
  readonly ResourceStateEvent: StateChangeType | TEvent;
  readonly ActionEvent: KnownActionType;
  readonly UsageEvent: KnownUsageType;
  readonly AlertEvent: KnownAlertType;
  readonly AsyncJobEvent: AsyncJobEventType;
}

/** The types of state changes that every resource has, whatever its lifecycle. */
export type StateChangeType =
  'Created' | 'Removed' | 'SoftRemoved' | 'Recovered' | typeof deadlineExceeded;

type CategoryOfFilter<F extends EventFilter> = F extends { readonly category: infer C }
  ? '*' extends Each<C>
    ? Category
    : Extract<Each<C>, Category>
  : Category;

type EventOfResource<R> = R extends { readonly lifecycle: infer L extends AnyLifecycle }
  ? EventOf<L>
  : R extends AnyLifecycle
    ? EventOf<R>
    : never;

type Each<T> = T extends readonly (infer E)[] ? E : T;
