import { AsyncLocalStorage } from 'node:async_hooks';
import {
  context,
  propagation,
  ROOT_CONTEXT,
  trace,
  TraceFlags,
  type Context,
} from '@opentelemetry/api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { EventManager } from '../../../src/outside/rpc/event-manager.js';
import { ServiceManager } from '../../../src/outside/rpc/service-manager.js';

// What an OpenTelemetry SDK registers, as far as it matters here.
const storage = new AsyncLocalStorage<Context>();

beforeAll(() => {
  context.setGlobalContextManager({
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: (active, work, self, ...args) =>
      storage.run(active, () => work.apply(self as never, args)),
    bind: (_active, target) => target,
    enable() {
      return this;
    },
    disable() {
      return this;
    },
  });
  propagation.setGlobalPropagator({
    fields: () => ['traceparent'],
    inject(active, carrier, setter) {
      const span = trace.getSpanContext(active);
      if (span !== undefined) {
        setter.set(carrier, 'traceparent', `00-${span.traceId}-${span.spanId}-01`);
      }
    },
    extract(active, carrier, getter) {
      const [, traceId = '', spanId = ''] = String(getter.get(carrier, 'traceparent')).split('-');
      return trace.setSpanContext(active, { traceId, spanId, traceFlags: TraceFlags.SAMPLED });
    },
  });
});
afterAll(() => {
  context.disable();
  propagation.disable();
});

const span = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: TraceFlags.SAMPLED };
const activeSpan = () => trace.getSpanContext(context.active());

it('a method and a handler of an event run in the trace of who called or emitted', async () => {
  const bus = memoryBus();
  const services = new ServiceManager<{ volumes: { list(): void } }>({ bus });
  const events = new EventManager<{ started: null }>({ bus });
  const seen: unknown[] = [];
  await services.expose('volumes', { list: () => void seen.push(activeSpan()) });
  const handled = new Promise<void>((resolve) => {
    void events.subscribe('started', () => {
      seen.push(activeSpan());
      resolve();
    });
  });
  await context.with(trace.setSpanContext(ROOT_CONTEXT, span), async () => {
    await services.client('volumes').list();
    await events.emit('started', null);
  });
  await handled;
  expect(seen).toEqual([span, span]);
  await services.client('volumes').list();
  expect(seen.at(-1)).toBeUndefined();
  await services.close();
  await bus.close();
});
