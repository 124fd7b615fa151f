import { triggerOf } from '../../core/lifecycle/lifecycle.js';
import { findingKinds, type FindingCode, type Severity } from './finding-codes.js';
import type { TraceStep } from './trace.js';

/** Where in a lifecycle a finding lies: as much of it as applies. */
export interface Place {
  readonly resource: string;
  readonly state?: string;
  readonly event?: string;
  /** The id of the deadline, where transitions by deadlines are meant. */
  readonly deadline?: string;
  /** The state that the transition leads to. */
  readonly to?: string;
  readonly meter?: string;
  readonly rule?: string;
  /** An event type of an effect. */
  readonly type?: string;
}

/** One thing that is wrong with a lifecycle. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly place: Place;
  /** One sentence that names what was found. */
  readonly message: string;
  /** Its consequence. */
  readonly why: string;
  readonly remedy: string;
  /** The shortest path from a creation that shows it. */
  readonly trace?: readonly TraceStep[];
  /** Steps that may follow the trace again and again, where the fault is an endless path. */
  readonly loop?: readonly TraceStep[];
}

/** Collects findings about one lifecycle. */
export class Findings {
  readonly list: Finding[] = [];
  readonly #resource: string;

  constructor(resource: string) {
    this.#resource = resource;
  }

  add(
    code: FindingCode,
    place: Omit<Place, 'resource'>,
    message: string,
    paths: Pick<Finding, 'trace' | 'loop'> = {},
  ): void {
    const { severity, why, remedy } = findingKinds[code];
    this.list.push({
      code,
      severity,
      place: { resource: this.#resource, ...place },
      message,
      why,
      remedy,
      ...paths,
    });
  }
}

/** A place for a reader: `VirtualMachine: Migrating --AgentReportStopped--> Stopped`. Pure. */
export function placeText(place: Place): string {
  const { resource, state, event, deadline, to, meter, rule, type } = place;
  const trigger = event === undefined ? deadline : triggerOf({ event, deadline });
  const where =
    state === undefined
      ? (trigger ?? '')
      : trigger === undefined
        ? state
        : `${state} --${trigger}-->${to === undefined ? '' : ` ${to}`}`;
  const what = [
    where,
    meter === undefined ? '' : `meter ${meter}`,
    rule === undefined ? '' : `rule '${rule}'`,
    type ?? '',
  ].filter((part) => part !== '');
  return what.length === 0 ? resource : `${resource}: ${what.join(', ')}`;
}
