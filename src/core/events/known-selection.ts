import type { AnyLifecycle, EventOf } from '../lifecycle/lifecycle.js';
import type { Category } from './category.js';
import type { AsyncJobEventType } from './event.js';
import type { EventTypeOf, EventTypes, SignalboxAlertType } from './event-types.js';
import type { EventFilter, EventSelection, OneOrMore } from './event-filter.js';
import type { ForeignType } from './foreign-type.js';

/**
 * A selection that names only what is declared: a property that no filter has, and a type that its
 * categories and resources do not have, fail to compile. A conditional type, because the compiler suggests
 * the nearest name for it and would not for an intersection.
 */
export type KnownSelection<S extends EventSelection, E extends EventTypes = EventTypes> =
  S extends CheckedSelection<S, E> ? S : CheckedSelection<S, E>;

type CheckedSelection<S extends EventSelection, E extends EventTypes> = S extends string
  ? S
  : S extends readonly EventSelection[]
    ? {
        readonly [I in keyof S]: S[I] extends EventSelection ? CheckedSelection<S[I], E> : never;
      }
    : S extends EventFilter
      ? CheckedFilter<S, E>
      : never;

type CheckedFilter<F extends EventFilter, E extends EventTypes> = {
  readonly [K in keyof F]: K extends 'type'
    ? OneOrMore<FilterType<F, E>>
    : K extends keyof EventFilter
      ? F[K]
      : never;
};

/** The types that a filter may name. Lifecycles whose names the compiler does not know allow any. */
type FilterType<F extends EventFilter, E extends EventTypes> =
  TypesByCategory<EventOfResource<Each<F['resource']>>, E>[CategoryOfFilter<F>] | ForeignType | '*';

interface TypesByCategory<TEvent extends string, E extends EventTypes> {
  readonly ResourceStateEvent: StateChangeType | TEvent;
  readonly ActionEvent: EventTypeOf<E, 'ActionEvent'>;
  readonly UsageEvent: EventTypeOf<E, 'UsageEvent'>;
  readonly AlertEvent: EventTypeOf<E, 'AlertEvent'> | SignalboxAlertType;
  readonly AsyncJobEvent: AsyncJobEventType;
}

/** The types of state changes that every resource has, whatever its lifecycle. */
export type StateChangeType =
  'Created' | 'Removed' | 'SoftRemoved' | 'Recovered' | 'DeadlineExceeded';

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
