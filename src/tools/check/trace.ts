import type { Effect } from '../../core/lifecycle/lifecycle.js';

/** One step of a path through a lifecycle. */
export interface TraceStep {
  /** Null for the creation. */
  readonly from: string | null;
  /** Null for the creation. */
  readonly event: string | null;
  readonly to: string;
  /** Only where the step announces something besides its state change. */
  readonly effects?: readonly Effect[];
}

/** A path on one line: `created in Stopped --StartRequested--> Starting`. Pure. */
export function traceText(trace: readonly TraceStep[]): string {
  return trace
    .map(({ event, to, effects = [] }, index) => {
      const announced =
        effects.length === 0 ? '' : ` [${effects.map(({ type }) => type).join(', ')}]`;
      if (event === null) return `created in ${to}${announced}`;
      return `${index === 0 ? '… ' : ''}--${event}${announced}--> ${to}`;
    })
    .join(' ');
}
