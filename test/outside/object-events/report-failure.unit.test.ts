import { expect, it } from 'vitest';
import { reportFailure } from '../../../src/outside/object-events/report-failure.js';
import { eventually } from '../../support/eventually.js';

it.each([
  [
    'throws',
    () => {
      throw new Error('no log');
    },
  ],
  ['rejects', () => Promise.reject(new Error('no log'))],
])('a listener of failures that %s stops nothing', async (_, fail) => {
  const told: Error[] = [];
  const error = new Error('a handler failed');
  // Nobody hearing of a rejection ends the run of these tests.
  const listener = (each: Error): unknown => {
    told.push(each);
    return fail();
  };
  reportFailure(error, listener);
  await eventually(() => expect(told).toEqual([error]));
});
