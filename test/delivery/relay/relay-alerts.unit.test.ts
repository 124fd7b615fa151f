import { expect, test } from 'vitest';
import { laggingAlert } from '../../../src/delivery/relay/relay-alerts.js';

const origin = { source: 'storage' } as Parameters<typeof laggingAlert>[2];
const depth = (bus: string, oldestAge: number) => ({
  bus,
  oldestAge,
  pending: 2,
  parked: 0,
  held: 0,
});

test('the alert of a lagging outbox names the buses that lag, and no other', () => {
  const buses = [depth('', 90_000), depth('fresh', 100), depth('retired', 90_000)];
  const { payload } = laggingAlert(
    { oldestAge: 90_000, pending: 6, parked: 0, held: 0, buses },
    60_000,
    origin,
  );
  const { data } = JSON.parse(payload) as { data: { subject: string; details: object } };
  expect(data.subject).toBe('The oldest of 6 unpublished events is 90 s old (bus retired)');
  expect(data.details).toMatchObject({ buses: [{ bus: 'retired', age: 90_000, pending: 2 }] });
});
