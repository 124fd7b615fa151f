import fc from 'fast-check';
import { expect, it } from 'vitest';
import { foldHeaders } from '../../../src/delivery/kafka/linear-headers.js';

const header = fc.record({
  key: fc.constantFrom('a', 'b', 'c', 'ce_id'),
  value: fc.oneof(fc.constant(null), fc.constantFrom(Buffer.from('x'), Buffer.of())),
});

it('headers are folded as KafkaJS folds them', () => {
  fc.assert(
    fc.property(fc.array(header), (headers) => {
      // As its decoder has it.
      const expected = headers.reduce<Record<string, unknown>>((folded, { key, value }) => {
        const before = folded[key];
        const list = Array.isArray(before) ? before.concat([value]) : [before, value];
        return { ...folded, [key]: before === undefined ? value : list };
      }, {});
      expect(foldHeaders(headers)).toEqual(expected);
    }),
  );
});
