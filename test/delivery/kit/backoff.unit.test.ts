import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoff } from '../../../src/delivery/kit/backoff.js';

test('delays double up to the longest, each shortened by at most a half, and begin again after a reset', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 0, max: 10 }),
      (first, steps) => {
        const longest = first * 2 ** steps;
        const delays = backoff(first, longest);
        for (let round = 0; round < 2; round += 1) {
          expect(delays.failing).toBe(false);
          for (let failures = 0; failures < 40; failures += 1) {
            const whole = Math.min(longest, first * 2 ** failures);
            const delay = delays.next();
            expect(delay).toBeGreaterThan(whole / 2 - Number.EPSILON * whole);
            expect(delay).toBeLessThanOrEqual(whole);
            expect(delays.failing).toBe(true);
          }
          delays.reset();
        }
      },
    ),
    { numRuns: 30 },
  );
});
