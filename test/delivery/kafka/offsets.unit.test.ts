import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PartitionOffsets } from '../../../src/delivery/kafka/offsets.js';

it('goes on from the first record that is not done, in whatever order the others end', () => {
  // Gaps between offsets are what compaction and transactions leave.
  const gaps = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(gaps, fc.infiniteStream(fc.nat()), (steps, choices) => {
      const offsets = new PartitionOffsets(10n, undefined);
      let last = 9n;
      const open: bigint[] = [];
      for (const step of steps) {
        last += BigInt(step);
        expect(offsets.begin(last)).toBe(true);
        open.push(last);
      }
      const all = [...open];
      while (open.length > 0) {
        const [ended] = open.splice((choices.next().value ?? 0) % open.length, 1);
        offsets.end(ended as bigint);
        const first = all.find((each) => open.includes(each));
        expect(offsets.position).toBe(first ?? last + 1n);
        expect(offsets.span).toBe(Number(last + 1n - offsets.position));
      }
    }),
  );
});

it('takes no record twice', () => {
  const offsets = new PartitionOffsets(5n, 5n);
  expect(offsets.begin(4n)).toBe(false);
  expect(offsets.begin(5n)).toBe(true);
  expect(offsets.begin(5n)).toBe(false);
  expect(offsets.position).toBe(5n);
});
