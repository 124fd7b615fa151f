import { type Meter, metrics as api, type Observable } from '@opentelemetry/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RelayMetrics } from '../../../src/delivery/relay/relay-metrics.js';

type Callback = Parameters<Meter['addBatchObservableCallback']>[0];

const callbacks = new Set<Callback>();

beforeAll(() => {
  const meter: Partial<Meter> = {
    createCounter: () => ({ add: () => undefined }),
    createObservableGauge: (name) => ({ name }) as never,
    addBatchObservableCallback: (callback) => void callbacks.add(callback),
    removeBatchObservableCallback: (callback) => void callbacks.delete(callback),
  };
  api.setGlobalMeterProvider({ getMeter: () => meter as Meter });
});
afterAll(() => api.disable());

const observed = (): Readonly<Record<string, number>> => {
  const values: Record<string, number> = {};
  const observe = (gauge: Observable, value: number): void => {
    const { name } = gauge as unknown as { readonly name: string };
    values[name.replace('signalbox.outbox.', '')] = value;
  };
  for (const callback of callbacks) void callback({ observe } as never);
  return values;
};

test('gauges of an outbox that is measured no more go stale, and its age rises', () => {
  let now = 1000;
  const metrics = new RelayMetrics(300, () => now);
  expect(observed()).toEqual({});
  metrics.measured({ pending: 4, parked: 1, held: 2, oldestAge: 50, buses: [] });
  const measured = { pending: 4, parked: 1, held: 2, age: 50 };
  expect(observed()).toEqual(measured);
  now += 300;
  expect(observed()).toEqual(measured);
  now += 1;
  expect(observed()).toEqual({ age: 351 });
  now += 10_000;
  expect(observed()).toEqual({ age: 10_351 });
  metrics.measured({ pending: 0, parked: 0, held: 0, oldestAge: 0, buses: [] });
  expect(observed()).toEqual({ pending: 0, parked: 0, held: 0, age: 0 });
  metrics.close();
  expect(observed()).toEqual({});
});

test('the age rises too where the outbox was never measured', () => {
  let now = 0;
  const metrics = new RelayMetrics(300, () => now);
  now = 5000;
  expect(observed()).toEqual({ age: 5000 });
  metrics.close();
});
