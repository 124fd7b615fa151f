import { describe, expect, it } from 'vitest';
import { machines } from '../../../machines/index.js';
import { describeLifecycle } from '../../../src/core/lifecycle/describe-lifecycle.js';
import { checkLifecycle } from '../../../src/tools/check/index.js';
import { readDeclarations } from '../../../src/tools/check/read-declarations.js';
import { tiny } from './tiny.js';

describe('a declaration as JSON', () => {
  it('is read from what `signalbox machine --format json` prints, and found to be the same', () => {
    for (const machine of machines) {
      const json: unknown = JSON.parse(JSON.stringify(describeLifecycle(machine)));
      const [check] = readDeclarations(json);
      expect(checkLifecycle(check?.lifecycle ?? machine).findings).toEqual(
        checkLifecycle(machine).findings,
      );
    }
  });

  it('is read one by one from a list', () => {
    expect(readDeclarations([tiny('a b!', ['a Go b']), tiny('a', [])])).toHaveLength(2);
  });

  it.each([
    [null, /The whole must be an object/],
    [[1], /'\[0\]' must be an object/],
    [{ resource: '' }, /'resource' must be a text/],
    [{ resource: 'X', initial: 'a', states: {} }, /'states' must be a list/],
    [{ resource: 'X', initial: 'a', states: ['a'], transitions: [{}] }, /'transitions\[0\]\.from'/],
    [
      { resource: 'X', initial: 'a', states: [{ name: 'a', final: 'yes' }], transitions: [] },
      /'states\[0\]\.final' must be true or false/,
    ],
    [
      {
        resource: 'X',
        initial: 'a',
        states: ['a'],
        transitions: [
          { from: 'a', event: 'E', to: 'a', effects: [{ category: 'Nope', type: 'T' }] },
        ],
      },
      /'transitions\[0\]\.effects\[0\]\.category' must be one of/,
    ],
  ])('%j is refused with the property that does not fit', (value, message) => {
    expect(() => readDeclarations(value)).toThrow(message);
  });
});

it('names that do not fit together are all told at once', () => {
  const declaration = { ...tiny('a b', ['a Go c', 'a Og b']), initial: 'x', events: ['Go'] };
  expect(() => checkLifecycle(declaration)).toThrow(
    expect.objectContaining({
      code: 'LIFECYCLE_INVALID',
      faults: [
        expect.objectContaining({ code: 'FAULT_UNKNOWN_INITIAL' }),
        expect.objectContaining({ code: 'FAULT_UNKNOWN_TARGET' }),
        expect.objectContaining({ code: 'FAULT_NAME' }),
      ],
    }),
  );
});

it.each([
  [{ openIn: ['nowhere'] }, /names the state 'nowhere'/],
  [{ openIn: ['a'], closedIn: ['a'] }, /open and closed in a/],
  [{ starts: ['VM.STOP'] }, /both started and stopped by VM.STOP/],
  [{ starts: ['VM.STRAT'], stops: ['VM.STPO'] }, /none of which a transition of Tiny announces/],
])('a meter that cannot be meant is refused: %j', (change, message) => {
  const meter = { name: 'm', starts: ['VM.START'], stops: ['VM.STOP'], ...change };
  const declaration = tiny('a b!', ['a Go b +VM.START +VM.STOP']);
  expect(() => checkLifecycle(declaration, { meters: [meter] })).toThrow(message);
});
