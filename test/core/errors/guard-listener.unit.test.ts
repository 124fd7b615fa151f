import { describe, expect, it } from 'vitest';
import { guardListener } from '../../../src/core/errors/guard-listener.js';
import { eventually } from '../../support/eventually.js';

describe('a contained listener', () => {
  it.each([
    ['throws', () => fail()],
    ['rejects', async () => fail()],
    ['throws what is no error', () => failWith('it broke')],
  ])('that %s keeps it to itself, and it is told', async (_, listener) => {
    const failures: Error[] = [];
    expect(guardListener(listener, (error) => failures.push(error))()).toBeUndefined();
    // Nobody hearing of a rejection ends the run of these tests.
    guardListener(listener)();
    await eventually(() => expect(failures).toMatchObject([{ message: 'it broke' }]));
  });

  it('is given what it is called with', () => {
    const calls: unknown[][] = [];
    guardListener((...args: readonly [number, string]) => calls.push([...args]))(1, 'a');
    expect(calls).toEqual([[1, 'a']]);
  });
});

function fail(): never {
  return failWith(new Error('it broke'));
}

function failWith(thrown: unknown): never {
  throw thrown;
}
