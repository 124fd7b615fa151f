import fc from 'fast-check';
import { expect, test } from 'vitest';
import { planLeases } from '../../src/persistence/lease-plan.js';
import { partitionCount } from '../../src/core/stores/outbox-store.js';

const relays = ['a', 'b', 'c'];
const rows = fc
  .array(
    fc.record({
      relay: fc.constantFrom(...relays, null),
      expired: fc.constantFrom<boolean | number>(true, false, 0, 1),
    }),
    { minLength: partitionCount, maxLength: partitionCount },
  )
  .map((leases) => leases.map((lease, share) => ({ share, ...lease })));

test('a relay keeps what it has, takes nothing that lives, and no more than its part', () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 100 }), (leases, live) => {
      const { partitions: shares, surplus } = planLeases(leases, 'a', live);
      const fair = Math.ceil(partitionCount / live);
      const own = leases.filter(({ relay }) => relay === 'a').map(({ share }) => share);
      const taken = shares.filter((share) => !own.includes(share));
      expect(shares).toEqual(expect.arrayContaining(own));
      for (const share of taken) {
        const lease = leases[share];
        expect(lease?.relay === null || Boolean(lease?.expired)).toBe(true);
      }
      expect(shares.length - surplus.length).toBeLessThanOrEqual(Math.max(fair, 0));
      expect(surplus.length).toBe(Math.max(0, own.length - fair));
      expect(surplus.every((share) => shares.includes(share))).toBe(true);
      const free = leases.filter(
        ({ relay, expired }) => relay === null || (relay !== 'a' && Boolean(expired)),
      );
      expect(taken.length).toBe(Math.min(free.length, Math.max(0, fair - own.length)));
    }),
  );
});
