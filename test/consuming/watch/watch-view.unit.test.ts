import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ResourceStateEvent } from '../../../src/core/events/event.js';
import { settledPosition } from '../../../src/consuming/watch/settled-position.js';
import type { WatchedResource, WatchEvent } from '../../../src/consuming/watch/watch-event.js';
import { type WatchedChange, WatchView } from '../../../src/consuming/watch/watch-view.js';

const event = {} as ResourceStateEvent;
const states = ['A', 'B', 'C'] as const;

/** One resource's whole life: the state at each revision, null once it is removed. */
const life = fc
  .tuple(fc.array(fc.constantFrom(...states), { minLength: 1, maxLength: 8 }), fc.boolean())
  .map(([lived, ends]) => (ends ? [...lived, null] : lived));

function changeOf(
  uuid: string,
  lived: readonly (string | null)[],
  revision: number,
): WatchedChange {
  const state = lived[revision - 1] ?? null;
  const old = lived[revision - 2] ?? null;
  const resource = state === null ? null : { uuid, state, revision };
  return { uuid, revision, old, resource, event };
}

/** What a consumer holds that does as it is told. */
function consumer() {
  const held = new Map<string, WatchedResource>();
  const take = (told: WatchEvent | undefined): void => {
    if (told === undefined || !('resource' in told)) return;
    const { type, resource } = told;
    const known = held.get(resource.uuid);
    if (type === 'added') expect(known).toBeUndefined();
    else expect(known).toBeDefined();
    if (known !== undefined) expect(resource.revision).toBeGreaterThanOrEqual(known.revision);
    if (type === 'removed') held.delete(resource.uuid);
    else held.set(resource.uuid, resource);
  };
  return { held, take };
}

test('whatever is lost, repeated or late, a reading makes the view equal to the table', () => {
  const scenario = fc.record({
    lives: fc.array(life, { minLength: 1, maxLength: 4 }),
    // Deliveries in any order, with repetitions; a reading of the table at some moments.
    steps: fc.array(
      fc.record({ resource: fc.nat(3), upTo: fc.nat(9), revision: fc.nat(9), reads: fc.boolean() }),
      { maxLength: 40 },
    ),
    wanted: fc.option(fc.subarray([...states], { minLength: 1 }), { nil: undefined }),
  });
  fc.assert(
    fc.property(scenario, ({ lives, steps, wanted }) => {
      const view = new WatchView(wanted === undefined ? {} : { states: wanted });
      const { held, take } = consumer();
      const reached = lives.map(() => 0);
      const read = () => {
        view.beginReading();
        for (const [index, lived] of lives.entries()) {
          const revision = reached[index] ?? 0;
          const state = lived[revision - 1];
          if (revision > 0 && state != null)
            take(view.seen({ uuid: `r${index}`, state, revision }, false));
        }
        for (const told of view.finish(false)) take(told);
        const expected = lives.flatMap((lived, index) => {
          const state = lived[(reached[index] ?? 0) - 1];
          return state == null || wanted?.includes(state) === false ? [] : [`r${index} ${state}`];
        });
        expect([...held.values()].map(({ uuid, state }) => `${uuid} ${state}`).sort()).toEqual(
          expected,
        );
      };
      for (const { resource, upTo, revision, reads } of steps) {
        const lived = lives[resource];
        if (lived === undefined) continue;
        reached[resource] = Math.max(reached[resource] ?? 0, Math.min(upTo, lived.length));
        // Only what has happened can be delivered.
        if (revision >= 1 && revision <= (reached[resource] ?? 0))
          take(view.apply(changeOf(`r${resource}`, lived, revision)));
        if (reads) read();
      }
      read();
    }),
    { numRuns: 500 },
  );
});

test('a patient reading leaves a difference to the stream once, and tells it the second time', () => {
  const view = new WatchView({});
  view.load({ uuid: 'a', state: 'A', revision: 1 });
  view.load({ uuid: 'b', state: 'A', revision: 1 });
  const read = () => {
    view.beginReading();
    const told = [view.seen({ uuid: 'a', state: 'B', revision: 3 }, true), ...view.finish(true)];
    return told.filter((each) => each !== undefined).map((each) => each.type);
  };
  expect(read()).toEqual([]);
  expect(read()).toEqual(['changed', 'removed']);
  expect(read()).toEqual([]);
});

test('what the stream told between two patient readings is not told again', () => {
  const view = new WatchView({});
  view.load({ uuid: 'a', state: 'A', revision: 1 });
  const row = { uuid: 'a', state: 'B', revision: 2 };
  view.beginReading();
  expect(view.seen(row, true)).toBeUndefined();
  expect(view.apply({ uuid: 'a', revision: 2, old: 'A', resource: row, event })?.type).toBe(
    'changed',
  );
  view.beginReading();
  expect(view.seen(row, true)).toBeUndefined();
});

test('the settled position stops before the first young hole, and passes over old ones', () => {
  const now = Date.parse('2026-03-01T12:00:00Z');
  const at = (position: number, minutes: number) => ({
    position,
    time: new Date(now - minutes * 60_000).toISOString(),
  });
  expect(settledPosition([], 7, now)).toBe(7);
  expect(settledPosition([at(3, 1), at(4, 1)], 0, now)).toBe(4);
  expect(settledPosition([at(3, 1), at(5, 1), at(6, 0)], 0, now)).toBe(3);
  expect(settledPosition([at(3, 99), at(5, 60), at(6, 0)], 0, now)).toBe(6);
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 50 })), (positions) => {
      const tail = positions.sort((a, b) => a - b).map((position) => at(position, 0));
      const settled = settledPosition(tail, 0, now);
      // Everything between the first and it is there.
      for (let each = positions[0] ?? 1; each <= settled; each += 1)
        expect(positions.includes(each)).toBe(true);
    }),
  );
});
