import type { SignalboxEvent } from '../../core/events/event.js';
import { parseSubject } from '../../core/events/create-event.js';

/** A resource of which a consumer keeps the last revision. */
export interface TrackedResource {
  readonly resource: string;
  readonly uuid: string;
}

/** A gap in the revisions before a state change. */
export interface RevisionGap extends TrackedResource {
  /**
   * `gap`: revisions between were not handled, because they were lost, dead-lettered or are still to
   * come. `back`: a lower revision than one that was handled before, such as a redriven dead letter.
   */
  readonly kind: 'gap' | 'back';
  /** The highest revision handled before. */
  readonly known: number;
  /** The revision of the event. */
  readonly revision: number;
}

/** A state change as it is tracked. */
export interface TrackedChange extends TrackedResource {
  readonly revision: number;
  /** True when the resource was removed: no revision comes after it. */
  readonly removed: boolean;
}

/**
 * Pure. What an event says about its resource's revisions; undefined for all but state changes. The
 * effects of a transition share its revision, so they show no gap that the state change does not.
 */
export function trackedChange(event: SignalboxEvent): TrackedChange | undefined {
  if (event.category !== 'ResourceStateEvent' || event.revision === undefined) return undefined;
  const { resource, uuid } = parseSubject(event.subject);
  if (resource === undefined || uuid === undefined) return undefined;
  return { resource, uuid, revision: event.revision, removed: event.data.new === null };
}

/**
 * Pure. Undefined when the change follows what is known, repeats it, or is the first that is known of.
 * A resource that is created tells a gap only where its revision does.
 */
export function revisionGap(
  known: number | undefined,
  { resource, uuid, revision }: TrackedChange,
): RevisionGap | undefined {
  if (known === undefined || revision === known || revision === known + 1) return undefined;
  return { kind: revision > known ? 'gap' : 'back', resource, uuid, known, revision };
}
