import { setTimeout as delay } from 'node:timers/promises';
import { openTelemetry } from '../context/open-telemetry.js';

/** Milliseconds that exporters have for what was measured last. A collector may hang. */
const flushTimeout = 2000;

/**
 * Lets the exporters of the process, if it has any, send what they have not sent yet. Resolves after two
 * seconds at the latest. Never rejects.
 */
export async function flushTelemetry(): Promise<void> {
  const api = openTelemetry();
  if (api === undefined) return;
  const tracing = api.trace.getTracerProvider();
  const providers: readonly object[] = [
    api.metrics.getMeterProvider(),
    'getDelegate' in tracing ? (tracing as { getDelegate(): object }).getDelegate() : tracing,
  ];
  const flushed = Promise.allSettled(providers.map(flush));
  const bound = new AbortController();
  await Promise.race([flushed, delay(flushTimeout, undefined, { signal: bound.signal }).catch(() => undefined)]); // prettier-ignore
  bound.abort();
}

/** The API has no way to flush; the SDK's providers do. */
async function flush(provider: { forceFlush?: () => Promise<void> }): Promise<void> {
  await provider.forceFlush?.();
}
