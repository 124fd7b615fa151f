import { context, propagation } from '@opentelemetry/api';

/**
 * The W3C trace context of the active OpenTelemetry span, or undefined when no tracing is set up.
 * Never throws.
 */
export function activeTraceparent(): string | undefined {
  const carrier: Record<string, string> = {};
  propagation.inject(context.active(), carrier);
  return carrier['traceparent'];
}
