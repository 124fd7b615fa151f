import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Redeliveries } from '../../../src/delivery/nats/redeliveries.js';

const places = fc.uniqueArray(fc.nat(1_000), { minLength: 1, maxLength: 20 });

test('what comes again in any order goes on in the order of the stream, once all is here', () => {
  fc.assert(
    fc.property(places, (sequences) => {
      const returning = new Redeliveries<string>(sequences.length);
      const passed = sequences.map((each) => returning.take(each, `m${each}`, false));
      const inOrder = sequences.toSorted((a, b) => a - b).map((each) => `m${each}`);
      expect(passed.at(-1)).toEqual(inOrder);
      expect(passed.slice(0, -1).flat()).toEqual([]);
      expect(returning.missing).toBe(0);
    }),
  );
});

test('a new message overtakes none that comes again, however late', () => {
  fc.assert(
    fc.property(places, fc.uniqueArray(fc.integer({ min: 1_001, max: 2_000 })), (again, fresh) => {
      const returning = new Redeliveries<number>(again.length);
      const passed = [
        ...fresh.flatMap((each) => returning.take(each, each, true)),
        ...again.flatMap((each) => returning.take(each, each, false)),
      ];
      expect(passed).toEqual([...again, ...fresh].toSorted((a, b) => a - b));
      expect(returning.missing).toBe(0);
    }),
  );
});

test('what does not come again holds nothing up once the waiting is over', () => {
  const returning = new Redeliveries<string>(2);
  expect(returning.take(9, 'new', true)).toEqual([]);
  expect(returning.take(7, 'again', false)).toEqual([]);
  expect(returning.size).toBe(2);
  expect(returning.end()).toEqual(['again', 'new']);
  expect(returning.missing).toBe(0);
});

test('what comes twice counts once, and the newest goes on', () => {
  const returning = new Redeliveries<string>(2);
  expect(returning.take(7, 'first', false)).toEqual([]);
  expect(returning.take(7, 'second', false)).toEqual([]);
  expect(returning.missing).toBe(1);
  expect(returning.end()).toEqual(['second']);
  expect(returning.end()).toEqual([]);
});

test('a new one that is repeated while it waits is no other one that comes again', () => {
  const returning = new Redeliveries<string>(1);
  expect(returning.take(9, 'new', true)).toEqual([]);
  expect(returning.take(9, 'repeated', false)).toEqual([]);
  expect(returning.missing).toBe(1);
  expect(returning.take(7, 'again', false)).toEqual(['again', 'repeated']);
});
