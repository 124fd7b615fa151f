import fc from 'fast-check';
import { expect, expectTypeOf, test } from 'vitest';
import type { Delivery } from '../../../src/delivery/bus/bus.js';
import type { ResourceStateEvent, SignalboxEvent } from '../../../src/core/events/event.js';
import { RevisionTracker } from '../../../src/consuming/inbox/revision-tracker.js';
import { trackedChange, type RevisionGap } from '../../../src/consuming/inbox/revisions.js';
import { trackRevisions } from '../../../src/consuming/inbox/track-revisions.js';
import { sampleEvents } from '../../core/events/sample-events.js';

function change(uuid: string, revision: number, removed = false) {
  return { resource: 'Volume', uuid, revision, removed };
}

function state(uuid: string, revision: number, to: string | null = 'Ready'): ResourceStateEvent {
  const sample = sampleEvents.find(({ category }) => category === 'ResourceStateEvent');
  if (sample?.category !== 'ResourceStateEvent') throw new Error('no sample');
  return {
    ...sample,
    id: `${uuid}/${revision}`,
    subject: `Volume/${uuid}`,
    partitionkey: uuid,
    revision,
    data: { ...sample.data, new: to },
  };
}

test('of any deliveries exactly those that do not follow the highest before them are reported', () => {
  const deliveries = fc.array(
    fc.record({ uuid: fc.constantFrom('a', 'b'), revision: fc.integer({ min: 1, max: 9 }) }),
  );
  fc.assert(
    fc.property(deliveries, (all) => {
      const tracker = new RevisionTracker();
      const highest = new Map<string, number>();
      for (const { uuid, revision } of all) {
        const known = highest.get(uuid);
        const gap = tracker.check(change(uuid, revision));
        const follows = known === undefined || revision === known || revision === known + 1;
        expect(gap === undefined).toBe(follows);
        if (gap !== undefined) {
          expect(gap).toEqual({
            kind: revision > (known ?? 0) ? 'gap' : 'back',
            resource: 'Volume',
            uuid,
            known,
            revision,
          });
        }
        tracker.note(change(uuid, revision));
        highest.set(uuid, Math.max(known ?? 0, revision));
      }
    }),
  );
});

test('what is remembered stays within the capacity, and a removed resource is forgotten', () => {
  const tracker = new RevisionTracker({ capacity: 3 });
  for (const uuid of ['a', 'b', 'c', 'a', 'd']) tracker.note(change(uuid, 1));
  expect(tracker.size).toBe(3);
  // The one that changed least recently went.
  expect(tracker.check(change('b', 9))).toBeUndefined();
  expect(tracker.check(change('a', 9))?.known).toBe(1);
  tracker.note(change('a', 2, true));
  expect(tracker.size).toBe(2);
  expect(tracker.check(change('a', 1))).toBeUndefined();
  expect(() => new RevisionTracker({ capacity: 0 })).toThrow(/capacity/);
});

test('effects share the revision of their transition, and are not tracked', () => {
  for (const event of sampleEvents) {
    expect(trackedChange(event) !== undefined).toBe(event.category === 'ResourceStateEvent');
  }
});

test('a gap is reported before its event is handled, and an event that failed is a gap to the next', async () => {
  const seen: string[] = [];
  let broken = false;
  const handle = trackRevisions(
    async (event: SignalboxEvent) => {
      if (broken) throw new Error('broken');
      seen.push(event.id);
    },
    {
      onGap: ({ kind, known, revision }: RevisionGap) =>
        void seen.push(`${kind} ${known}-${revision}`),
    },
  );
  await handle(state('a', 1));
  broken = true;
  await expect(handle(state('a', 2))).rejects.toThrow('broken');
  broken = false;
  await handle(state('a', 3));
  await handle(state('a', 3));
  await handle(state('a', 2));
  expect(seen).toEqual(['a/1', 'gap 1-3', 'a/3', 'a/3', 'back 3-2', 'a/2']);
});

test('the wrapped handler keeps its arguments and their types', () => {
  const handle = trackRevisions(
    (event: ResourceStateEvent, delivery: Delivery) => void [event, delivery],
    { onGap: (_, event) => void expectTypeOf(event).toEqualTypeOf<ResourceStateEvent>() },
  );
  expectTypeOf(handle).parameters.toEqualTypeOf<[ResourceStateEvent, Delivery]>();
});
