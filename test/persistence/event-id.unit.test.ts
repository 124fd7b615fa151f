import { afterEach, expect, test, vi } from 'vitest';
import { validate, version } from 'uuid';
import { nextEventId } from '../../src/core/identity/event-id.js';

afterEach(() => {
  vi.useRealTimers();
});

/** Milliseconds since 1970 that an id was made at. */
const timeOf = (id: string) => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

test('ids are UUIDv7s of now', () => {
  const before = Date.now();
  const id = nextEventId();
  expect(validate(id)).toBe(true);
  expect(version(id)).toBe(7);
  expect(timeOf(id)).toBeGreaterThanOrEqual(before);
  expect(timeOf(id)).toBeLessThanOrEqual(Date.now());
});

test('ids rise with each call, over many pools of randomness', () => {
  const ids = Array.from({ length: 20_000 }, nextEventId);
  expect(ids).toEqual([...new Set(ids)].sort());
});

test('ids go on rising when the clock is set back', () => {
  const later = nextEventId();
  vi.useFakeTimers({ now: timeOf(later) - 3_600_000 });
  const ids = Array.from({ length: 1_000 }, nextEventId);
  expect([later, ...ids]).toEqual([later, ...ids].sort());
});

test('the random end of two ids differs', () => {
  const ends = Array.from({ length: 1_000 }, () => nextEventId().slice(-10));
  expect(new Set(ends).size).toBe(ends.length);
});
