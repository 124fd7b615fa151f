import type { AnyLifecycle, GuardCondition } from '../core/lifecycle/lifecycle.js';

/** Something that a test made a lifecycle do. What lifecycle coverage counts. */
export type Observation =
  | {
      readonly kind: 'state';
      readonly lifecycle: AnyLifecycle;
      readonly state: string;
    }
  | {
      readonly kind: 'transition';
      readonly lifecycle: AnyLifecycle;
      readonly from: string;
      /** `DeadlineExceeded` for a timeout. */
      readonly event: string;
      /** The id of the deadline that took it; undefined for an event, or when it is not known. */
      readonly deadline?: string | undefined;
      readonly to: string;
      /** The guards of the row that was taken; undefined when only the outcome is known. */
      readonly guards: readonly GuardCondition[] | undefined;
    }
  | {
      readonly kind: 'refusal';
      readonly lifecycle: AnyLifecycle;
      readonly state: string;
      readonly event: string;
      /** The id of the deadline whose timeout was refused. */
      readonly deadline?: string | undefined;
      /** Result of each guard; empty when the state does not take the event. */
      readonly guards: readonly GuardCondition[];
    };

/** Told of every observation. */
export type Observer = (observation: Observation) => void;

const observers = new Set<Observer>();

/** Begins to tell an observer; returns what stops it. */
export function addObserver(observer: Observer): () => void {
  observers.add(observer);
  return () => void observers.delete(observer);
}

/** Tells every observer. */
export function observe(observation: Observation): void {
  for (const observer of observers) observer(observation);
}
