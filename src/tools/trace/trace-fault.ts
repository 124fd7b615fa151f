/** Codes of faults in recorded events, with their meaning. */
export const traceFaults = {
  UNKNOWN_RESOURCE_TYPE: 'No lifecycle was given for this resource type.',
  UNKNOWN_STATE: 'The lifecycle declares no such state.',
  UNKNOWN_EVENT: 'The lifecycle declares no such event.',
  UNLAWFUL_TRANSITION:
    'State and event are declared, but no transition leads from the one by the other to where the resource went.',
  UNLAWFUL_CREATION: 'The resource was created in a state that is not one of its initial states.',
  LIFECYCLE_VERSION:
    'The event was recorded under a newer version of the lifecycle than the one it is checked against, or under any other one where the version must be the same.',
  REVISION_GAP: 'Revisions are missing: events were lost, or the row was written without one.',
  REVISION_REPEATED: 'Two different events carry the same revision of one resource.',
  REVISION_BACK: 'The revision is lower than one that came before.',
  CHAIN_BROKEN:
    'The revisions follow each other, but the event leaves another state than the one before it entered.',
  DWELL_EXCEEDED: 'The resource stayed in a state longer than allowed.',
  DEADLINE_EARLY: 'A timeout was taken before its deadline had passed.',
  EVENT_INCONSISTENT: 'The parts of the event contradict each other, or one is missing.',
} as const;

/** Stable, machine-readable. */
export type TraceFaultCode = keyof typeof traceFaults;

/** One fault of a trace. */
export interface TraceFault {
  readonly code: TraceFaultCode;
  /** One sentence that names the resource and what is wrong with it. */
  readonly message: string;
  /** Where the event stands: `line 17`, `position 4711`; `end` for what is still so at the end. */
  readonly place: string;
  readonly resource?: string;
  readonly uuid?: string;
  readonly revision?: number;
  /** The event's id. */
  readonly id?: string;
  /** The event's time. */
  readonly time?: string;
}
