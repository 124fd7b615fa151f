import type { LifecycleEvent } from './lifecycle.js';
import type { Remembered } from './remembered.js';

/** Where a resource is: its state, and what guards read. */
export interface Position<TState extends string = string, TContext = unknown> {
  readonly state: TState;
  /** Projected from the entity; needed for events with guards only. */
  readonly context?: TContext | undefined;
  /**
   * Remembered state of the row, as its column holds it. Default: null, nothing; history states then lead
   * to their default target.
   */
  readonly remembered?: Remembered | undefined;
}

/** An event to send: its name, or an object when guards look at more than the name. */
export type EventInput<TEvent extends string = string> =
  TEvent | (LifecycleEvent & { readonly type: TEvent });
