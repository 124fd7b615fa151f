import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ResourceStateEvent } from '../../../src/core/events/event.js';
import type { WatchedResource, WatchEvent } from '../../../src/consuming/watch/watch-event.js';
import { watchedChange, WatchView } from '../../../src/consuming/watch/watch-view.js';

const uuid = '00000000-0000-4000-8000-000000000001';

/** Who owns the resource and what state it is in, at each revision; null once it is gone. */
const step = fc.record({
  owner: fc.constantFrom('ours', 'theirs', undefined),
  state: fc.constantFrom('A', 'B'),
});
const life = fc.array(step, { minLength: 1, maxLength: 8 });

const partial = fc.constantFrom('account', 'domain', 'project');

test('a watcher of one owner is told nothing of what others do with a resource', () => {
  const run = fc.record({
    life,
    ends: fc.boolean(),
    // Each revision by its event, by a reading of the table, by both, or by neither.
    by: fc.array(fc.constantFrom('event', 'row', 'both', 'nothing'), {
      minLength: 9,
      maxLength: 9,
    }),
    key: partial,
    states: fc.constantFrom<readonly string[] | undefined>(undefined, ['A']),
    isPartial: fc.boolean(),
  });
  fc.assert(
    fc.property(run, ({ life: lived, ends, by, key, states, isPartial }) => {
      const selection = { [key]: 'ours', ...(states === undefined ? {} : { states }) };
      const view = new WatchView(selection, { isPartial });
      const told: WatchEvent[] = [];
      let held: WatchedResource | undefined;
      const take = (each: WatchEvent | undefined): void => {
        if (each === undefined || !('resource' in each)) return;
        told.push(each);
        held = each.type === 'removed' ? undefined : each.resource;
      };
      const last = lived.at(-1)?.owner;
      for (const [index, { owner, state }] of [
        ...lived,
        ...(ends ? [{ owner: last, state: null }] : []),
      ].entries()) {
        const revision = index + 1;
        const owners = owner === undefined ? {} : { [key]: owner };
        const how = by[index];
        const event = {
          subject: `Volume/${uuid}`,
          revision,
          ...owners,
          actor: `${owner} actor`,
          data: {
            event: 'Move',
            old: lived[index - 1]?.state ?? null,
            new: state,
            reason: `${owner} reason`,
          },
        } as unknown as ResourceStateEvent;
        const change = watchedChange(event);
        if ((how === 'event' || how === 'both') && change !== undefined) take(view.apply(change));
        if (how === 'row' || how === 'both') {
          view.beginReading();
          if (state !== null) take(view.seen({ uuid, state, revision, ...owners }, false));
          for (const each of view.finish(false)) take(each);
        }
      }
      expect(JSON.stringify(told)).not.toMatch(/theirs|undefined (actor|reason)/);
      if (by[lived.length + (ends ? 1 : 0) - 1] === 'row') {
        const now = ends ? undefined : lived.at(-1);
        const isOurs = now?.owner === 'ours' && states?.includes(now.state) !== false;
        expect(held?.state).toBe(isOurs ? now.state : undefined);
      }
    }),
    { numRuns: 2_000 },
  );
});
