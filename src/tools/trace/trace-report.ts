import type { TraceFault, TraceFaultCode } from './trace-fault.js';

/** Report of a trace check. Plain JSON. */
export interface TraceReport {
  /** No fault was found. */
  readonly lawful: boolean;
  /** Events read, of every category. */
  readonly events: number;
  /** State events that came again under the id of an earlier one: no fault. */
  readonly redeliveries: number;
  /** State events of resource types without a lifecycle, where those are to be ignored. */
  readonly ignored: number;
  /** The earliest and the latest time of an event; null when there was none. */
  readonly from: string | null;
  readonly to: string | null;
  /** How many faults there were, also those that are not listed. */
  readonly faults: number;
  readonly faultCounts: Readonly<Partial<Record<TraceFaultCode, number>>>;
  /** The first faults of each code, in the order they were found. */
  readonly listed: readonly TraceFault[];
  readonly lifecycles: readonly LifecycleTrace[];
}

/** Report about one lifecycle. */
export interface LifecycleTrace {
  readonly resource: string;
  /** The version it was checked against. */
  readonly version: number;
  /** State events by the version they were recorded under. */
  readonly recordedVersions: Readonly<Record<string, number>>;
  readonly creations: number;
  readonly removals: number;
  /** Resources first seen after their creation. */
  readonly joined: number;
  /** Resources that are neither removed nor in a final state at the end. */
  readonly live: number;
  /** How much of the declaration the trace shows. */
  readonly coverage: { readonly declared: number; readonly seen: number };
  /** Every declared transition with how often it was taken; those with 0 were never seen. */
  readonly transitions: readonly TransitionCount[];
  readonly states: readonly StateDwell[];
}

/** How often a declared transition was taken. */
export interface TransitionCount {
  readonly from: string;
  readonly event: string;
  /** The id of the deadline that takes it. */
  readonly deadline?: string;
  readonly to: string;
  readonly count: number;
}

/** How long resources stayed in a state. Stays whose beginning or end is not in the trace are left out. */
export interface StateDwell {
  readonly state: string;
  readonly stays: number;
  /** Milliseconds; 0 without a stay. */
  readonly average: number;
  /** Milliseconds; 0 without a stay. */
  readonly longest: number;
}
