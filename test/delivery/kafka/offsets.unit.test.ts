import fc from 'fast-check';
import { expect, it } from 'vitest';
import { noNotes, readNotes, writeNotes } from '../../../src/delivery/kafka/offset-notes.js';
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

const offset = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });

it('notes beside an offset are read as they were written, and what is none of ours is no notes', () => {
  fc.assert(
    fc.property(
      offset,
      fc.uniqueArray(fc.tuple(offset, fc.integer({ min: 1, max: 999 })), {
        selector: ([at]) => at,
        maxLength: 100,
      }),
      fc.string(),
      (handedOut, begun, foreign) => {
        const notes = { handedOut, begun: new Map(begun) };
        const written = writeNotes(notes);
        expect(readNotes(written)).toEqual(notes);
        // Brokers take so many characters of metadata unless they are configured otherwise.
        expect(written.length).toBeLessThanOrEqual(4_096);
        expect(readNotes(foreign)).toEqual(noNotes);
      },
    ),
  );
  expect(readNotes(null)).toEqual(noNotes);
});

it('a record is suspect up to what may have been handed out, and a member that leaves in order leaves none', () => {
  const first = new PartitionOffsets(5n, 5n);
  first.begin(5n);
  expect(first.isSuspect(5n)).toBe(false);
  const next = new PartitionOffsets(5n, 5n, readNotes(first.notes(3n)));
  expect([5n, 8n, 9n].map((at) => next.isSuspect(at))).toEqual([true, true, false]);
  next.noteBegun(6n, 2);
  expect(new PartitionOffsets(5n, 5n, readNotes(next.notes(0n))).begunOf(6n)).toBe(2);
  next.end(6n);
  expect(new PartitionOffsets(5n, 5n, readNotes(next.notes(undefined))).isSuspect(5n)).toBe(false);
});
