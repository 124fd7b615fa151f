import { diag, type Span, trace, type Tracer } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, expect, test } from 'vitest';
import { beginSpan, callSpan, handleInSpan, inSpan } from '../../src/context/span.js';

afterEach(() => {
  trace.disable();
  diag.disable();
});

const plan = () => callSpan('transition', 'Volume');

test('no plan is asked for before a provider is registered, nor after it is gone', () => {
  let asked = 0;
  const counted = () => {
    asked += 1;
    return plan();
  };
  expect(beginSpan(counted)).toBeUndefined();
  trace.setGlobalTracerProvider(new BasicTracerProvider());
  expect(beginSpan(counted)).toBeDefined();
  trace.disable();
  expect(beginSpan(counted)).toBeUndefined();
  expect(asked).toBe(1);
});

test.each(['startSpan', 'end'] as const)(
  'a tracer whose %s throws fails no work',
  async (failing) => {
    const logged: string[] = [];
    const log = (message: string): void => void logged.push(message);
    diag.setLogger({ error: log, warn: log, info: log, debug: log, verbose: log });
    logged.length = 0;
    const fail = () => {
      throw new Error('sampler');
    };
    const startSpan = failing === 'startSpan' ? fail : () => ({ end: fail }) as unknown as Span;
    trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan }) as unknown as Tracer });
    expect(await inSpan(plan, async () => Promise.resolve(1))).toBe(1);
    expect(await handleInSpan(plan, undefined, () => 2)).toBe(2);
    expect(logged).toEqual(Array(2).fill('signalbox: a span was not recorded'));
  },
);

test('a failed span tells no password, and the caller gets the error itself', async () => {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }),
  );
  const error = new Error('no answer from amqp://guest:s3cret@broker');
  await expect(inSpan(plan, async () => Promise.reject(error))).rejects.toBe(error);
  const [span] = exporter.getFinishedSpans();
  expect(span?.status.message).toContain('broker');
  const told = JSON.stringify([span?.status, span?.events, span?.attributes]);
  expect(told).toContain('span.unit.test');
  expect(told).not.toContain('s3cret');
});
