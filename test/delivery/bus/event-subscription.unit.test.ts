import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Bus } from '../../../src/delivery/bus/bus.js';
import { subscribeEvents } from '../../../src/delivery/bus/event-subscription.js';
import { memoryBus } from '../../../src/delivery/memory/memory-bus.js';
import type { ActionEvent, SignalboxEvent, UsageEvent } from '../../../src/core/events/event.js';
import { cloudEvents } from '../../../src/delivery/formats/cloudevents.js';
import { message } from '../../../src/testing/bus-conformance/recorder.js';
import { sampleEvents } from '../../core/events/sample-events.js';
import { eventually } from '../../support/eventually.js';

async function publishSamples(bus: Bus): Promise<void> {
  for (const event of sampleEvents) await bus.publish(cloudEvents.encode(event));
}

const sample = sampleEvents[0] as SignalboxEvent;

describe('an event subscription', () => {
  it('hands over the events it selects, decoded and in order', async () => {
    await using bus = memoryBus();
    const received: SignalboxEvent[] = [];
    const selection = { category: ['ActionEvent', 'UsageEvent'] } as const;
    await subscribeEvents(bus, cloudEvents, selection, (event) => {
      expectTypeOf(event).toEqualTypeOf<ActionEvent | UsageEvent>();
      received.push(event);
    });
    await publishSamples(bus);
    await eventually(() => expect(received).toEqual(sampleEvents.slice(1, 3)));
  });

  it('types its events by the categories it selects', async () => {
    await using bus = memoryBus();
    const narrow = { category: 'ActionEvent', type: 'VM.START' } as const;
    await subscribeEvents(bus, cloudEvents, narrow, (event) => {
      expectTypeOf(event).toEqualTypeOf<ActionEvent>();
    });
    await subscribeEvents(bus, cloudEvents, '#', (event) => {
      expectTypeOf(event).toEqualTypeOf<SignalboxEvent>();
    });
    await subscribeEvents(bus, cloudEvents, { resource: 'Volume' }, (event, delivery, signal) => {
      expectTypeOf(event).toEqualTypeOf<SignalboxEvent>();
      expect([delivery.attempt, signal.aborted]).toEqual([1, false]);
    });
    // @ts-expect-error an unknown category
    const misspelt = subscribeEvents(bus, cloudEvents, { category: 'Gossip' }, () => {});
    await expect(misspelt).rejects.toThrow(/no category Gossip/);
    const selection = { category: 'ActionEvent', resorce: 'Volume' } as const;
    // @ts-expect-error an unknown property beside a known one
    const unknown = subscribeEvents(bus, cloudEvents, selection, () => {});
    await expect(unknown).rejects.toThrow(/no property resorce/);
  });

  it('dead-letters what is no event with its reason, untried, and the others go on', async () => {
    await using bus = memoryBus();
    const received: string[] = [];
    const options = { pool: 'p', retry: { attempts: 5, delay: 60_000, maxDelay: 60_000 } };
    await subscribeEvents(bus, cloudEvents, '#', ({ id }) => void received.push(id), options);
    const good = cloudEvents.encode(sample);
    const poison = [
      message(good.key, { id: 'text', partitionKey: 'k' }),
      { ...good, id: 'broken', body: Buffer.from('{') },
      { ...good, id: 'forged', key: good.key.replace('ResourceStateEvent', 'ActionEvent') },
    ];
    for (const each of poison) await bus.publish(each);
    await publishSamples(bus);
    await eventually(() => expect(received.toSorted()).toEqual(sampleEvents.map(({ id }) => id)));
    const letters = (await bus.deadLetters?.read('p')) ?? [];
    expect(letters.map((letter) => [letter.message.id, letter.attempts])).toEqual([
      ['text', 1],
      ['broken', 1],
      ['forged', 1],
    ]);
    expect(letters[0]?.reason).toMatch(/text\/plain/);
    expect(letters[1]?.reason).toMatch(/not JSON/);
    expect(letters[2]?.reason).toMatch(/ResourceStateEvent/);
  });

  it('dead-letters a body that differs from its key in any word', async () => {
    await using bus = memoryBus();
    const received: string[] = [];
    await subscribeEvents(bus, cloudEvents, '#', ({ id }) => void received.push(id), { pool: 'p' });
    let count = 0;
    for (const event of sampleEvents) {
      const good = cloudEvents.encode(event);
      const words = good.key.split('.');
      for (const [index, word] of ['source', 'category', 'type', 'resource', 'uuid'].entries()) {
        for (const forged of ['other', '-', words[index]?.toLowerCase()]) {
          if (forged === undefined || forged === words[index]) continue;
          count += 1;
          const key = words.with(index, forged).join('.');
          await bus.publish({ ...good, key, id: `forged ${word} ${count}` });
        }
      }
      await bus.publish(good);
    }
    await eventually(() => expect(received).toHaveLength(sampleEvents.length));
    const letters = (await bus.deadLetters?.read('p', { limit: 1_000 })) ?? [];
    expect(letters).toHaveLength(count);
    for (const { message: forged, reason } of letters) {
      expect(reason).toContain(`the ${forged.id.split(' ')[1]} differs`);
    }
  });

  it('hands over the events of the owners that each of its filters names', async () => {
    await using bus = memoryBus();
    const received: unknown[] = [];
    await subscribeEvents(
      bus,
      cloudEvents,
      [
        { category: 'UsageEvent', account: ['a', 'b'] },
        { category: 'ActionEvent', account: 'c', project: 'p' },
      ],
      ({ category, account, project }) => void received.push([category, account, project]),
      { pool: 'p' },
    );
    const published: unknown[] = [];
    for (const event of sampleEvents) {
      for (const account of ['a', 'b', 'c', undefined]) {
        for (const project of ['p', undefined]) {
          const {
            account: _a,
            project: _p,
            ...rest
          } = event as SignalboxEvent & { account?: string; project?: string };
          const owned = {
            ...rest,
            ...(account === undefined ? {} : { account }),
            ...(project === undefined ? {} : { project }),
          } as SignalboxEvent;
          await bus.publish(cloudEvents.encode(owned));
          const isWanted =
            (event.category === 'UsageEvent' && (account === 'a' || account === 'b')) ||
            (event.category === 'ActionEvent' && account === 'c' && project === 'p');
          if (isWanted) published.push([event.category, account, project]);
        }
      }
    }
    await eventually(() =>
      expect(received.map(String).sort()).toEqual(published.map(String).sort()),
    );
    expect(await bus.deadLetters?.read('p')).toEqual([]);
  });

  it.each([undefined, '', '*', [], ['a', undefined], 7, null])(
    'refuses an owner that is none, for it would select the events of everybody: %j',
    async (account) => {
      await using bus = memoryBus();
      const selection = { category: 'UsageEvent', account } as { category: 'UsageEvent' };
      await expect(subscribeEvents(bus, cloudEvents, selection, () => {})).rejects.toMatchObject({
        code: 'FILTER_INVALID',
      });
    },
  );
});
