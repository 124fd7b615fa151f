import { describe, expect, it } from 'vitest';
import { nearestName } from '../../../src/core/errors/nearest-name.js';

describe('nearestName', () => {
  it.each([
    ['resorce', 'resource'],
    ['Resource', 'resource'],
    ['sorce', 'source'],
    ['tpye', 'type'],
  ])('finds that %s was meant as %s', (name, expected) => {
    expect(nearestName(name, ['resource', 'source', 'type'])).toBe(expected);
  });

  it('guesses nothing when no name is near', () => {
    expect(nearestName('volume', ['resource', 'source', 'type'])).toBeUndefined();
    expect(nearestName('x', ['yz'])).toBeUndefined();
  });
});
