import { openTelemetry } from './open-telemetry.js';

/** The W3C trace context of the active OpenTelemetry span, or undefined when no tracing is set up. */
export function activeTraceparent(): string | undefined {
  const api = openTelemetry();
  if (api === undefined) return undefined;
  const carrier: Record<string, string> = {};
  api.propagation.inject(api.context.active(), carrier);
  return carrier['traceparent'];
}

/** Runs `work` so that spans begun inside are children of the span that `traceparent` names. */
export function withTraceparent<T>(traceparent: string | undefined, work: () => T): T {
  const api = openTelemetry();
  if (api === undefined || traceparent === undefined) return work();
  const active = api.context.active();
  return api.context.with(api.propagation.extract(active, { traceparent }), work);
}
