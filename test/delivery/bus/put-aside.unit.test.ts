import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BusMessage } from '../../../src/delivery/bus/bus.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { putAsideAndBack } from '../put-aside.js';

const text = fc.string({ unit: 'binary', maxLength: 80 });
const someMessage: fc.Arbitrary<BusMessage> = fc.record(
  {
    key: text,
    id: text.filter((id) => id !== 'healthy'),
    contentType: text,
    headers: fc.dictionary(text, fc.oneof(text, fc.double(), fc.boolean())),
    body: fc.uint8Array(),
    partitionKey: text,
  },
  { requiredKeys: ['key', 'id', 'contentType', 'headers', 'body'] },
);

/** Each part at its extreme; a body over `maxIncoming` is put aside unseen. */
const extremes: readonly BusMessage[] = [
  { key: '', id: '', contentType: '', headers: {}, body: new Uint8Array() },
  {
    key: 'k'.repeat(255),
    id: 'i'.repeat(100_000),
    contentType: 't',
    headers: {},
    body: Buffer.of(),
  },
  {
    key: '#',
    id: '\uD800',
    contentType: '\0',
    headers: { ['__proto__']: 'x' },
    body: Buffer.of(0),
  },
  {
    key: '*.%',
    id: 'x',
    contentType: '',
    headers: Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`h${index}`, index])),
    body: Buffer.alloc(1_000_000),
  },
];

it('whatever the in-process bus takes is put aside, and comes back so, and what is behind it goes on', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(someMessage, { maxLength: 20 }), async (sampled) => {
      await using bus = memoryBus();
      const messages = [...extremes, ...sampled];
      const law = putAsideAndBack({
        bus,
        send: async () => {
          for (const each of messages) await bus.publish(each);
        },
        count: messages.length,
      });
      await expect(law).resolves.toBe(messages.length);
    }),
    { numRuns: 20 },
  );
});
