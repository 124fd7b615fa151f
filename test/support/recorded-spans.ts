import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { eventually } from './eventually.js';

/** The spans that a test's process has ended. */
export interface RecordedSpans {
  readonly provider: BasicTracerProvider;
  readonly exporter: InMemorySpanExporter;
  readonly named: (name: string) => readonly ReadableSpan[];
  /** Resolves with the first of that name, once it has ended. */
  readonly first: (name: string) => Promise<ReadableSpan>;
  /** The names from the span at the root of its trace down to it. */
  readonly pathOf: (span: ReadableSpan) => readonly string[];
}

/** Registers a tracer provider for each test of the file, a context manager and a propagator. */
export function recordSpans(): RecordedSpans {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  });
  beforeEach(() => {
    trace.setGlobalTracerProvider(provider);
    exporter.reset();
  });
  afterEach(() => trace.disable());
  afterAll(() => {
    context.disable();
    propagation.disable();
  });
  const named = (name: string): readonly ReadableSpan[] =>
    exporter.getFinishedSpans().filter((span) => span.name === name);
  const pathOf = (span: ReadableSpan): readonly string[] => {
    const parent = exporter
      .getFinishedSpans()
      .find((each) => each.spanContext().spanId === span.parentSpanContext?.spanId);
    return parent === undefined ? [span.name] : [...pathOf(parent), span.name];
  };
  return {
    provider,
    exporter,
    named,
    pathOf,
    first: (name) =>
      eventually(() => {
        const [span] = named(name);
        if (span === undefined) throw new Error(`no span '${name}' has ended`);
        return span;
      }),
  };
}
