import { ambientContext, withContext, type AmbientContext } from '../../context/ambient.js';
import { handleInSpan, type SpanPlan } from '../../context/span.js';
import { activeTraceparent } from '../../context/trace.js';
import type { BusMessage } from '../../delivery/bus/bus.js';

type Headers = BusMessage['headers'];

/** The ambient context, by the header that carries each of its parts; named as in a CloudEvent. */
const headerOf = {
  actor: 'actor',
  correlationId: 'correlationid',
  causationId: 'causationid',
} as const satisfies Record<keyof AmbientContext, string>;

/** The ambient context and the trace context of the active span, as headers of a message. */
export function contextHeaders(): Headers {
  const ambient = ambientContext();
  const traceparent = activeTraceparent();
  const headers: Record<string, string> = traceparent === undefined ? {} : { traceparent };
  for (const [part, header] of Object.entries(headerOf)) {
    const value = ambient[part as keyof AmbientContext];
    if (value !== undefined) headers[header] = value;
  }
  return headers;
}

/**
 * Runs `work` in a span, in the context that a message carries: events announced inside tell its actor and its
 * correlation, and spans begun inside are children of the sender's. Headers of other types than text
 * are taken for absent.
 */
export function withContextOf<T>(
  headers: Headers,
  plan: () => SpanPlan,
  work: () => T | Promise<T>,
): Promise<T> {
  const ambient: Partial<Record<keyof AmbientContext, string>> = {};
  for (const [part, header] of Object.entries(headerOf)) {
    const value = headers[header];
    if (typeof value === 'string') ambient[part as keyof AmbientContext] = value;
  }
  const { traceparent } = headers;
  return handleInSpan(plan, typeof traceparent === 'string' ? traceparent : undefined, () =>
    withContext(ambient, work),
  );
}
