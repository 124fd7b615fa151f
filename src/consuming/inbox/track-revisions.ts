import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import { callback, required, whole } from '../../core/options/fields.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import { RevisionTracker } from './revision-tracker.js';
import { trackedChange, type RevisionGap } from './revisions.js';

/** Options of `trackRevisions()`: the reaction to a gap, and the bound on memory. */
export interface TrackRevisionsOptions<E> {
  /**
   * Told before the handler of the event that shows the gap: read the resource, or its history, and
   * mend. What it throws is tried again as if the handler had thrown.
   */
  readonly onGap: (gap: RevisionGap, event: E) => void | Promise<void>;
  /** How many resources are remembered. Default 100,000, some 15 MB; beyond it gaps pass unnoticed. */
  readonly capacity?: number;
}

export const trackRevisionsSchema = optionsOf<TrackRevisionsOptions<unknown>>('trackRevisions()', {
  onGap: required(callback),
  capacity: whole(1),
});

/**
 * Wraps a handler of events so that a revision that was skipped, or one that is older than what was
 * handled, is reported for each resource before the event is handled. What is known lives in memory:
 * the first event of a resource after a start shows no gap. `idempotent(…, { onGap })` keeps it in the
 * database instead.
 *
 * Select every state change of the resource: a filter on event types has gaps by nature. Throws
 * ConfigurationError CONFIG_VALUE_INVALID for a capacity that is no whole number.
 *
 * @example
 * await signalbox.subscribe(
 *   { category: 'ResourceStateEvent', resource: 'Volume' },
 *   trackRevisions(handle, { onGap: ({ uuid }) => reread(uuid) }),
 *   { pool: 'cmdb' },
 * );
 */
export function trackRevisions<E extends SignalboxEvent, Rest extends readonly unknown[]>(
  handler: (event: E, ...rest: Rest) => void | Promise<void>,
  options: TrackRevisionsOptions<E>,
): (event: E, ...rest: Rest) => Promise<void> {
  checkOptions(trackRevisionsSchema, options);
  const { onGap, capacity } = options;
  const tracker = new RevisionTracker(capacity === undefined ? {} : { capacity });
  return async (event, ...rest) => {
    const change = trackedChange(event);
    const gap = change && tracker.check(change);
    if (gap !== undefined) await onGap(gap, event);
    await handler(event, ...rest);
    // Only now: what could not be handled is a gap to what follows it.
    if (change !== undefined) tracker.note(change);
  };
}
