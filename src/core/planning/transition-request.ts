import type { Deadline } from '../lifecycle/lifecycle.js';
import type { EventContext } from './event-context.js';

/** One wish to move one resource, validated: the uuid is well formed, the event is declared. */
export interface TransitionRequest {
  readonly uuid: string;
  readonly event: string;
  /** Values that guards may read besides the context. */
  readonly payload?: Readonly<Record<string, unknown>>;
  /** When given, any other revision in the row is a conflict. */
  readonly expectedRevision?: number;
  readonly reason?: string;
  /** Actor, time and reason of the step, for its events. */
  readonly origin: EventContext;
  /** Set by the deadline sweeper: fire this deadline if it is still armed at this revision. */
  readonly deadline?: { readonly id: string; readonly revision: number };
}

/** Result of a transition; `signalbox.transition` resolves to it. */
export interface TransitionResult<TState extends string = string> {
  readonly uuid: string;
  /** The state before. */
  readonly old: TState;
  /** The state after. */
  readonly new: TState;
  /** The revision after: pass it as `expectedRevision` of the next step. */
  readonly revision: number;
  /** False for a lawful self-transition. */
  readonly changed: boolean;
  /** Ids of the announced events, the state change first. */
  readonly events: readonly string[];
}

/** One result for each request of a batch, in the order of the batch. Errors are values here. */
export type TransitionOutcome = TransitionResult | Error;

/** Deadlines that one transition arms and cancels, fenced by its revision. */
export interface DeadlineChange {
  readonly resource: string;
  readonly uuid: string;
  readonly revision: number;
  /** Of the lifecycle that arms. */
  readonly version: number;
  readonly arms: readonly Pick<Deadline, 'id' | 'after'>[];
  /**
   * Ids; or places, such as `Creating/`, for every deadline of a state node whatever version armed it;
   * `'all'` when the resource is removed.
   */
  readonly cancels: readonly string[] | 'all';
}
