import type { Effect } from '../../core/lifecycle/lifecycle.js';

/** One step of a path through a lifecycle. */
export interface TraceStep {
  /** Null for the birth. */
  readonly from: string | null;
  /** Null for the birth. */
  readonly event: string | null;
  readonly to: string;
  /** Only where the step announces something besides its state change. */
  readonly effects?: readonly Effect[];
}

/** A path on one line: `born in Stopped --StartRequested--> Starting`. Pure. */
export function traceText(trace: readonly TraceStep[]): string {
  return trace
    .map(({ event, to, effects = [] }, index) => {
      const announced =
        effects.length === 0 ? '' : ` [${effects.map(({ type }) => type).join(', ')}]`;
      if (event === null) return `born in ${to}${announced}`;
      return `${index === 0 ? '… ' : ''}--${event}${announced}--> ${to}`;
    })
    .join(' ');
}
