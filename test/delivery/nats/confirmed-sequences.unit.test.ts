import { expect, test } from 'vitest';
import { ConfirmedSequences } from '../../../src/delivery/nats/confirmed-sequences.js';

test('a number that is confirmed for a second message tells of the first', () => {
  const confirmed = new ConfirmedSequences();
  expect(confirmed.note(1, 'a')).toBeUndefined();
  expect(confirmed.note(2, 'b')).toBeUndefined();
  expect(confirmed.note(1, 'a')).toBeUndefined();
  expect(confirmed.note(2, 'c')).toBe('b');
  expect(confirmed.note(2, 'd')).toBe('c');
});

test('a stream that is made anew begins again', () => {
  const confirmed = new ConfirmedSequences();
  confirmed.note(1, 'a');
  confirmed.forget();
  expect(confirmed.note(1, 'b')).toBeUndefined();
});

test('of many, the latest are known', () => {
  const confirmed = new ConfirmedSequences();
  for (let sequence = 1; sequence <= 30_000; sequence += 1) confirmed.note(sequence, 'before');
  expect(confirmed.note(10_001, 'after')).toBe('before');
  expect(confirmed.note(30_000, 'after')).toBe('before');
  expect(confirmed.note(10_000, 'after')).toBeUndefined();
});
