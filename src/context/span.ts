import type { Attributes, Context, Span, Tracer, TracerProvider } from '@opentelemetry/api';
import { maskAddresses } from '../core/errors/mask-addresses.js';
import { sanitizeMessage } from '../core/errors/sanitize-message.js';
import { toError } from '../core/errors/to-error.js';
import { openTelemetry } from './open-telemetry.js';
import { withTraceparent } from './trace.js';

/** Name and attributes of a span. */
export interface SpanPlan {
  /** Of low cardinality: no uuid. */
  readonly name: string;
  readonly kind: 'INTERNAL' | 'PRODUCER' | 'CONSUMER' | 'CLIENT' | 'SERVER';
  readonly attributes: Attributes;
  /**
   * The trace to continue: the `traceparent` of an event. Undefined begins a trace of its own; absent
   * continues the active span.
   */
  readonly continues?: string | undefined;
}

/** A span under way. */
export interface OpenSpan {
  /** Runs `work` so that spans begun inside, and events announced inside, are children of the span. */
  within<T>(work: () => T): T;
  /** Ends the span; with an error, it has the status ERROR and its `error.type`. */
  end(error?: unknown): void;
}

/**
 * Begins a span, or gives undefined, without asking for the plan, where the process has no tracer provider.
 * What a sampler or a processor of the provider throws goes to the log of the API, and fails no work.
 */
export function beginSpan(plan: () => SpanPlan): OpenSpan | undefined {
  const api = openTelemetry();
  const tracer = api && currentTracer(api.trace.getTracerProvider());
  if (api === undefined || tracer === undefined) return undefined;
  return harmless(api, () => {
    const { name, kind, attributes, ...from } = plan();
    const parent = 'continues' in from ? continued(api, from.continues) : api.context.active();
    const span = tracer.startSpan(name, { kind: api.SpanKind[kind], attributes }, parent);
    const inside = api.trace.setSpan(parent, span);
    return {
      within: (work) => api.context.with(inside, work),
      end: (error) =>
        harmless(api, () => {
          if (error !== undefined) fail(span, error, api.SpanStatusCode.ERROR);
          span.end();
        }),
    };
  });
}

function harmless<T>(api: OpenTelemetry, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    api.diag.error('signalbox: a span was not recorded', error);
    return undefined;
  }
}

/** The span of a call of the API, within the caller's. Pure. */
export function callSpan(operation: string, about: string, attributes: Attributes = {}): SpanPlan {
  return { name: `${operation} ${about}`, kind: 'INTERNAL', attributes };
}

/** Runs `work` within a span that ends with it. Where the process has no tracer provider, it just runs it. */
export function inSpan<T>(plan: () => SpanPlan, work: () => Promise<T>): Promise<T> {
  const span = beginSpan(plan);
  return span === undefined ? work() : settle(span, work);
}

/**
 * Runs the handler of a message within a span that continues the trace of the message. Without a tracer
 * provider it still runs in that trace, for what it sends and announces.
 */
export async function handleInSpan<T>(
  plan: () => SpanPlan,
  traceparent: string | undefined,
  work: () => T | Promise<T>,
): Promise<T> {
  const span = beginSpan(() => ({ ...plan(), continues: traceparent }));
  return span === undefined ? withTraceparent(traceparent, work) : settle(span, work);
}

async function settle<T>(span: OpenSpan, work: () => T | Promise<T>): Promise<T> {
  try {
    const result = await span.within(work);
    span.end();
    return result;
  } catch (error) {
    span.end(error ?? new Error(String(error)));
    throw error;
  }
}

type OpenTelemetry = NonNullable<ReturnType<typeof openTelemetry>>;

function continued(api: OpenTelemetry, traceparent: string | undefined): Context {
  return traceparent === undefined
    ? api.ROOT_CONTEXT
    : api.propagation.extract(api.ROOT_CONTEXT, { traceparent });
}

/** By the conventions `error.type` is of low cardinality: the code of an error, or its class. */
function fail(span: Span, error: unknown, code: number): void {
  const thrown = toError(error);
  const own: unknown = Reflect.get(thrown, 'code');
  span.setAttribute('error.type', typeof own === 'string' ? own : thrown.name);
  const message = sanitizeMessage(thrown.message);
  span.recordException({
    name: thrown.name,
    message,
    ...(thrown.stack === undefined ? {} : { stack: maskAddresses(thrown.stack) }),
  });
  span.setStatus({ code, message });
}

/** The provider that the API gives before one is registered. */
interface StandIn {
  getDelegate?(): TracerProvider;
  getDelegateTracer?(name: string): Tracer | undefined;
}

let known: { readonly delegate: TracerProvider; readonly tracer: Tracer | undefined } | undefined;

/** The tracer of the registered provider, or undefined when none is registered. */
function currentTracer(provider: TracerProvider): Tracer | undefined {
  const proxy: TracerProvider & StandIn = provider;
  const delegate = proxy.getDelegate?.() ?? provider;
  if (known?.delegate === delegate) return known.tracer;
  const tracer =
    proxy.getDelegateTracer === undefined
      ? provider.getTracer('signalbox')
      : proxy.getDelegateTracer('signalbox');
  known = { delegate, tracer };
  return tracer;
}
