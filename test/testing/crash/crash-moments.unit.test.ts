import { describe, expect, test } from 'vitest';
import { crashMoments } from '../../../src/testing/crash/crash-moments.js';
import type { Failpoint } from '../../../src/testing/index.js';

describe('crash moments', () => {
  test('a step follows the nearest one that came before it at any time', () => {
    const born: readonly Failpoint[] = ['journal', 'commit', 'guard', 'compare-and-set', 'commit'];
    expect(crashMoments(born)).toEqual([
      { point: 'guard', after: null },
      { point: 'compare-and-set', after: 'guard' },
      { point: 'journal', after: null },
      { point: 'commit', after: 'journal' },
      { point: 'end', after: null },
    ]);
  });

  test('a consumer has a message after it was published, whether or not it was confirmed', () => {
    const early: readonly Failpoint[] = [
      'publish',
      'deliver',
      'confirm',
      'handle',
      'delete',
      'ack',
    ];
    expect(crashMoments(early)).toEqual([
      { point: 'publish', after: null },
      { point: 'confirm', after: 'publish' },
      { point: 'delete', after: 'confirm' },
      { point: 'deliver', after: 'publish' },
      { point: 'handle', after: 'deliver' },
      { point: 'ack', after: 'handle' },
      { point: 'end', after: null },
    ]);
  });
});
