import type { LifecycleEvent } from './lifecycle.js';

/** Where a resource is: its state, and what guards read. */
export interface Position<TState extends string = string, TContext = unknown> {
  readonly state: TState;
  /** Projected from the entity; needed for events with guards only. */
  readonly context?: TContext | undefined;
}

/** An event to send: its name, or an object when guards look at more than the name. */
export type EventInput<TEvent extends string = string> =
  TEvent | (LifecycleEvent & { readonly type: TEvent });
