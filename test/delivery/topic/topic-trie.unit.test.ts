import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TopicTrie } from '../../../src/delivery/topic/topic-trie.js';
import { keys, patterns } from './random-topics.js';

/** The definition, as plainly as it can be said. */
function matches(pattern: readonly string[], key: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return key.length === 0;
  if (first === '#') {
    return key.some((_, index) => matches(rest, key.slice(index))) || matches(rest, []);
  }
  const [word, ...others] = key;
  return word !== undefined && (first === '*' || first === word) && matches(rest, others);
}

const words = (text: string) => (text === '' ? [] : text.split('.'));

describe('TopicTrie', () => {
  it('finds exactly the patterns that match by definition, while others come and go', () => {
    fc.assert(
      fc.property(fc.array(patterns), fc.array(patterns), keys, (kept, removed, key) => {
        const trie = new TopicTrie<string>();
        for (const pattern of removed) trie.add(pattern, `removed ${pattern}`);
        for (const pattern of kept) trie.add(pattern, pattern);
        for (const pattern of removed) trie.remove(pattern, `removed ${pattern}`);
        const expected = new Set(kept.filter((pattern) => matches(words(pattern), words(key))));
        expect(trie.match(key)).toEqual(expected);
        expect(trie.size).toBe(new Set(kept).size);
      }),
      { numRuns: 2000 },
    );
  });

  it('is empty again when everything was removed', () => {
    const trie = new TopicTrie<number>();
    const all = ['a.b.c', 'a.*.c', '#', 'a.#.c', '', 'a..b'];
    for (const pattern of all) trie.add(pattern, 1);
    for (const pattern of all) expect(trie.remove(pattern, 1)).toBe(true);
    for (const pattern of all) expect(trie.remove(pattern, 1)).toBe(false);
    expect(trie.size).toBe(0);
    expect(trie.match('a.b.c').size).toBe(0);
  });

  it('gives a value once, however many of its patterns match', () => {
    const trie = new TopicTrie<string>();
    for (const pattern of ['a.b', 'a.*', '#', 'a.b']) trie.add(pattern, 'one');
    expect([...trie.match('a.b')]).toEqual(['one']);
    trie.remove('a.b', 'one');
    expect([...trie.match('a.b')]).toEqual(['one']);
  });

  it('does not multiply its work with the hashes of a pattern', () => {
    const trie = new TopicTrie<string>();
    trie.add(`${'#.x.'.repeat(30)}y`, 'deep');
    expect(trie.match('x.'.repeat(100) + 'z').size).toBe(0);
    expect(trie.match('x.'.repeat(100) + 'y').size).toBe(1);
  });
});
