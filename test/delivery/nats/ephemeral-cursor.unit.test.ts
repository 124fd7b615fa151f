import { expect, it } from 'vitest';
import { EphemeralCursor } from '../../../src/delivery/nats/ephemeral-cursor.js';

const stream = (first_seq: number, last_seq: number, created = 'monday') =>
  ({ created, state: { first_seq, last_seq } }) as Parameters<EphemeralCursor['startIn']>[0];

function begun(at = stream(1, 10)): EphemeralCursor {
  const place = new EphemeralCursor();
  expect(place.startIn(at)).toEqual({ after: undefined, missed: false });
  place.began(at);
  return place;
}

it('goes on behind the last message that came, or that was there when it began', () => {
  const place = begun();
  expect(place.startIn(stream(1, 12))).toEqual({ after: 10, missed: false });
  place.note(12);
  place.note(11);
  expect(place.startIn(stream(13, 12))).toEqual({ after: 12, missed: false });
});

it('tells that messages were deleted before they came', () => {
  expect(begun().startIn(stream(12, 20))).toEqual({ after: 10, missed: true });
});

it('begins at the start of a stream that was made anew, also when it has grown past the old place', () => {
  for (const anew of [stream(1, 3), stream(1, 3, 'tuesday'), stream(1, 99, 'tuesday')]) {
    expect(begun().startIn(anew)).toEqual({ after: 0, missed: true });
  }
});

it('tells it again until a consumer was made, and then no more', () => {
  const place = begun();
  const anew = stream(1, 3, 'tuesday');
  place.startIn(anew);
  expect(place.startIn(anew).missed).toBe(true);
  place.began(anew);
  expect(place.startIn(anew)).toEqual({ after: 0, missed: false });
});
