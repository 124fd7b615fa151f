import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import { EventManager, type TopicSubscription } from '../../../src/outside/rpc/event-manager.js';
import { describeEvents } from './event-scenarios.js';

describeEvents('the in-process bus', async () => {
  const bus = memoryBus();
  return { connect: () => bus, dispose: () => bus.close() };
});

type Step =
  | { readonly do: 'subscribe'; readonly pattern: string }
  | { readonly do: 'unsubscribe'; readonly which: number }
  | { readonly do: 'emit' | 'emitLocal'; readonly topic: string };

const topic = fc.constantFrom('a', 'a.b', 'a.c', 'b.b');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('subscribe' as const),
    pattern: fc.constantFrom('a', 'a.b', 'a.*', '#', '*.b'),
  }),
  fc.record({ do: fc.constant('unsubscribe' as const), which: fc.nat(6) }),
  fc.record({ do: fc.constantFrom('emit' as const, 'emitLocal' as const), topic }),
);

/** What each pattern above matches, written out. */
const matched: Readonly<Record<string, readonly string[]>> = {
  a: ['a'],
  'a.b': ['a.b'],
  'a.*': ['a.b', 'a.c'],
  '#': ['a', 'a.b', 'a.c', 'b.b'],
  '*.b': ['a.b', 'b.b'],
};

describe('whatever comes and goes', () => {
  it('an event reaches those who are subscribed when it is emitted, each once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const bus = memoryBus();
        const events = new EventManager({ bus });
        const calls: string[] = [];
        const expected: string[] = [];
        const subscriptions: { pattern: string; live: boolean; held: TopicSubscription }[] = [];
        let emitted = 0;
        for (const each of steps) {
          if (each.do === 'subscribe') {
            const index = subscriptions.length;
            const held = await events.subscribe(each.pattern, (payload) =>
              calls.push(`${JSON.stringify(payload)} to ${index}`),
            );
            subscriptions.push({ pattern: each.pattern, live: true, held });
          } else if (each.do === 'unsubscribe') {
            const ended = subscriptions[each.which];
            if (ended !== undefined) ended.live = false;
            await ended?.held.unsubscribe();
          } else {
            emitted += 1;
            subscriptions.forEach(({ pattern, live }, index) => {
              if (live && matched[pattern]?.includes(each.topic)) {
                expected.push(`${emitted} to ${index}`);
              }
            });
            await events[each.do](each.topic, emitted);
            // The bus delivers in its own time; then nobody who comes or goes can change who gets it.
            while (calls.length < expected.length) {
              await new Promise((resolve) => setImmediate(resolve));
            }
          }
        }
        expect(calls.toSorted()).toEqual(expected.toSorted());
        await events.close();
        expect(await bus.publish({ key: 'events.a.b', id: '1', contentType: '', headers: {}, body: Buffer.alloc(0) })).toEqual({ routed: false }); // prettier-ignore
        await bus.close();
      }),
      { numRuns: 200 },
    );
  });
});
