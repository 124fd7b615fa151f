import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ResourceQueues, type QueuedRow } from '../../../src/delivery/relay/resource-queues.js';

const item = (key: string, position: number, share: number): QueuedRow => ({
  key,
  generation: 1,
  row: { position, partition: share, id: key, uuid: key, bus: '' } as QueuedRow['row'],
});

const keys = ['a', 'b', 'c', 'd'];

test('whatever happens, rows of a key come one at a time, in order, and none is lost', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key: fc.nat(3) }),
    fc.record({ do: fc.constant('take' as const) }),
    fc.record({ do: fc.constant('done' as const), key: fc.nat(3) }),
    fc.record({ do: fc.constant('putBack' as const), key: fc.nat(3) }),
    fc.record({ do: fc.constant('removeKey' as const), key: fc.nat(3) }),
    fc.record({ do: fc.constant('removeShare' as const), key: fc.nat(1) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const queues = new ResourceQueues();
      const model = new Map(keys.map((key) => [key, [] as number[]]));
      const busy = new Map<string, QueuedRow>();
      let position = 0;
      const waiting = () => [...model.values()].reduce((sum, rows) => sum + rows.length, 0);
      for (const action of steps) {
        const key = keys['key' in action ? action.key : 0] as string;
        const rows = model.get(key) as number[];
        switch (action.do) {
          case 'add':
            position += 1;
            rows.push(position);
            queues.add(item(key, position, keys.indexOf(key) % 2));
            break;
          case 'take': {
            const taken = queues.take();
            const ready = keys.filter((each) => !busy.has(each) && model.get(each)?.length);
            if (taken === undefined) {
              expect(ready).toEqual([]);
              break;
            }
            expect(ready).toContain(taken.key);
            expect(taken.row.position).toBe(model.get(taken.key)?.shift());
            busy.set(taken.key, taken);
            break;
          }
          case 'done':
            if (busy.delete(key)) queues.done(key);
            break;
          case 'putBack': {
            const taken = busy.get(key);
            if (taken === undefined) break;
            busy.delete(key);
            rows.unshift(taken.row.position);
            queues.putBack(taken);
            break;
          }
          case 'removeKey':
            expect(queues.removeKey(key).map(({ row }) => row.position)).toEqual(rows.splice(0));
            break;
          case 'removeShare': {
            const gone = keys.filter((_, index) => index % 2 === action.key);
            const expected = gone.flatMap((each) => model.get(each)?.splice(0) ?? []);
            const removed = queues.removePartitions(new Set([action.key]));
            expect(new Set(removed.map(({ row }) => row.position))).toEqual(new Set(expected));
            break;
          }
        }
        expect(queues.size).toBe(waiting());
        expect(queues.sizeOf(0) + queues.sizeOf(1)).toBe(waiting());
      }
    }),
  );
});

test('ready keys take turns', () => {
  const queues = new ResourceQueues();
  for (let position = 0; position < 6; position += 1) {
    queues.add(item(position < 4 ? 'hot' : `cool ${position}`, position, 0));
  }
  const order: string[] = [];
  for (let taken = queues.take(); taken !== undefined; taken = queues.take()) {
    order.push(taken.key);
    queues.done(taken.key);
  }
  expect(order).toEqual(['hot', 'cool 4', 'cool 5', 'hot', 'hot', 'hot']);
});
