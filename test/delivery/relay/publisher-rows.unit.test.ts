import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PublisherRows, orderKey } from '../../../src/delivery/relay/publisher-rows.js';
import type { QueuedRow } from '../../../src/delivery/relay/resource-queues.js';
import type { OutboxRecord } from '../../../src/core/stores/outbox-store.js';

const shareOf = (uuid: string): number => uuid.charCodeAt(0) % 64;

const row = (position: number, uuid: string): OutboxRecord => ({
  position,
  id: String(position),
  source: 'management-server',
  category: 'ResourceStateEvent',
  type: 'Started',
  resource: 'VirtualMachine',
  uuid,
  payload: '{}',
  partition: shareOf(uuid),
  bus: '',
});

/** What can happen to a lane, each with a number that chooses among what is there. */
const step = fc.record({
  what: fc.constantFrom(
    'commit',
    'begin read',
    'end read',
    'take',
    'confirm',
    'remove',
    'put back',
    'forget',
    'drop',
  ),
  which: fc.nat(),
});

describe('the rows of a lane', () => {
  it('leave it in the order of each resource, however reads and faults fall together', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 100, maxLength: 200 }), (steps) => {
        const rows = new PublisherRows();
        const outbox = new Map<number, OutboxRecord>();
        const taken: QueuedRow[] = [];
        const confirmed: QueuedRow[] = [];
        const published = new Map<string, number>();
        let reading: readonly OutboxRecord[] | undefined;
        let generation = 0;
        let begun = 0;
        let last = 0;
        const pick = <T>(from: T[], which: number): T | undefined =>
          from.length === 0 ? undefined : from.splice(which % from.length, 1)[0];
        for (const { what, which } of steps) {
          if (what === 'commit') {
            last += 1;
            outbox.set(last, row(last, 'abc'[which % 3] as string));
          } else if (what === 'begin read' && reading === undefined) {
            const except = new Set(rows.beginRead());
            begun = generation;
            reading = [...outbox.values()]
              .filter(({ position }) => !except.has(position))
              .slice(0, 1 + (which % 5));
          } else if (what === 'end read' && reading !== undefined) {
            for (const each of reading) {
              const key = orderKey(each);
              if (begun === generation && rows.note(each, key)) {
                rows.add({ row: each, key, generation });
              }
            }
            reading = undefined;
          } else if (what === 'take') {
            const item = rows.take();
            if (item === undefined) continue;
            if (item.generation !== generation) rows.forgetTaken(item);
            else taken.push(item);
          } else if (what === 'confirm') {
            const item = pick(taken, which);
            if (item === undefined) continue;
            const before = published.get(item.key) ?? 0;
            // What was confirmed may come again; what was not may not be passed over.
            const expected = [...outbox.values()].find(
              ({ uuid, position }) => uuid === item.key && position > before,
            );
            if (item.row.position > before) expect(item.row.position).toBe(expected?.position);
            published.set(item.key, Math.max(before, item.row.position));
            confirmed.push(item);
            rows.confirm(item);
          } else if (what === 'remove') {
            const item = pick(confirmed, which);
            if (item === undefined) continue;
            outbox.delete(item.row.position);
            rows.remove([item.row]);
          } else if (what === 'put back') {
            const item = pick(taken, which);
            if (item === undefined) continue;
            if (item.generation === generation) rows.putBack(item);
            else rows.forgetTaken(item);
          } else if (what === 'forget') {
            const item = pick(taken, which);
            if (item !== undefined) rows.forgetTaken(item);
          } else if (what === 'drop') {
            generation += 1;
            rows.drop(new Set(['a', 'b', 'c'].map(shareOf)));
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
