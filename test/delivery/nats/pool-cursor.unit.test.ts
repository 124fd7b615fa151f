import { expect, it } from 'vitest';
import { PoolCursor } from '../../../src/delivery/nats/pool-cursor.js';

const stream = (last_seq: number, created = 'monday') =>
  ({ created, state: { last_seq } }) as Parameters<PoolCursor['began']>[0] &
    Parameters<PoolCursor['startOf']>[1];

it('the first consumer of a pool begins with what comes from now on', () => {
  expect(new PoolCursor().startOf('c', stream(10))).toBeUndefined();
});

it('a pool that was known before the stream was made begins at its start, whoever makes its consumers', () => {
  const place = new PoolCursor();
  place.noteKnown(new Date('2026-11-26T13:36:02.5Z'));
  expect(place.startOf('c', stream(10, '2026-11-26T13:36:01.9Z'))).toBeUndefined();
  expect(place.startOf('c', stream(10, '2026-11-26T13:36:02.9Z'))).toBe(0);
});

it('one that was deleted goes on behind what was acknowledged', () => {
  const place = new PoolCursor();
  place.began(stream(10));
  place.note('c', 10);
  expect(place.startOf('c', stream(20))).toBe(10);
  place.note('c', 17);
  expect(place.startOf('c', stream(20))).toBe(17);
  place.began(stream(20));
  expect(place.startOf('c', stream(20))).toBe(17);
});

it('in a stream that was made anew, or has lost its end, it begins at the start', () => {
  const place = new PoolCursor();
  place.began(stream(10));
  place.note('c', 10);
  expect(place.startOf('c', stream(9))).toBe(0);
  expect(place.startOf('c', stream(30, 'tuesday'))).toBe(0);
  place.began(stream(30, 'tuesday'));
  expect(place.startOf('c', stream(40, 'tuesday'))).toBe(0);
});

it('a consumer may be the same when its server was started again, which then tells another instant; one made later is not', () => {
  const place = new PoolCursor();
  expect(place.isNearlySame('c', '2026-11-26T13:36:02.873341962Z')).toBe(false);
  place.noteMade('c', '2026-11-26T13:36:02.873341962Z');
  expect(place.isSame('c', '2026-11-26T13:36:02.873341962Z')).toBe(true);
  expect(place.isSame('c', '2026-11-26T13:36:02.874087561Z')).toBe(false);
  expect(place.isNearlySame('c', '2026-11-26T13:36:02.874087561Z')).toBe(true);
  expect(place.isNearlySame('c', '2026-11-26T13:36:03.123087561Z')).toBe(false);
});
