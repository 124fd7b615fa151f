import type { EventContext } from '../core/planning/event-context.js';
import { ambientContext } from './ambient.js';
import type { AmbientContext } from './ambient.js';
import { refuseNonText } from './refuse-malformed.js';
import { activeTraceparent } from './trace.js';

/**
 * Gives each announcement its origin: now, here, by whom and because of what. Throws RefusedError
 * EVENT_INVALID for an actor, correlation or causation that is no text.
 */
export type OriginSource = (given?: AmbientContext) => EventContext;

/**
 * Makes the origin source of one publisher.
 *
 * @param source The first word of every routing key.
 * @param now The clock, in milliseconds since 1970.
 */
export function originSource(source: string, now: () => number = Date.now): OriginSource {
  const timeOf = clockText();
  return (given = {}) => {
    const ambient = ambientContext();
    const actor = given.actor ?? ambient.actor;
    const correlationId = given.correlationId ?? ambient.correlationId;
    const causationId = given.causationId ?? ambient.causationId;
    refuseNonText({ actor, correlationId, causationId });
    const traceparent = activeTraceparent();
    const origin: Writable<EventContext> = { source, time: timeOf(now()) };
    if (actor !== undefined) origin.actor = actor;
    if (correlationId !== undefined) origin.correlationId = correlationId;
    if (causationId !== undefined) origin.causationId = causationId;
    if (traceparent !== undefined) origin.traceparent = traceparent;
    return origin;
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Writes times, each once: many callers come in the same millisecond. */
function clockText(): (milliseconds: number) => string {
  let last = Number.NaN;
  let text = '';
  return (milliseconds) => {
    if (milliseconds !== last) {
      text = new Date(milliseconds).toISOString();
      last = milliseconds;
    }
    return text;
  };
}
