import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  coveringFilter,
  keyOf,
  subjectOf,
  widerFilter,
} from '../../../src/delivery/nats/subject.js';
import { TopicTrie } from '../../../src/delivery/topic/topic-trie.js';

const word = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '', '%', '>', '*x', 'é', '💥', 'a b', '$JS', '%2A'),
  fc.string({ unit: 'grapheme', maxLength: 4 }).filter((text) => !text.includes('.')),
);
const key = fc.array(word, { minLength: 1, maxLength: 5 }).map((words) => words.join('.'));
const pattern = fc
  .array(fc.oneof(fc.constantFrom('*', '#', 'a', 'b', ''), word), { minLength: 1, maxLength: 5 })
  .map((words) => words.join('.'));

/** Whether a NATS server lets a subject through a filter: `*` is one word, `>` at the end one or more. */
function passes(filter: string, subject: string): boolean {
  const words = subject.split('.');
  const wanted = filter.split('.');
  for (const [index, each] of wanted.entries()) {
    if (each === '>') return words.length > index;
    if (words[index] === undefined || (each !== '*' && each !== words[index])) return false;
  }
  return words.length === wanted.length;
}

it('every key is a subject that NATS takes, and comes back', () => {
  fc.assert(
    fc.property(key, (each) => {
      const subject = subjectOf('stream.key', each);
      expect(subject).toMatch(/^stream\.key(\.[^\s.*>]+)+$/);
      expect(keyOf(subject, 2)).toBe(each);
    }),
  );
});

it('two keys never share a subject', () => {
  fc.assert(
    fc.property(key, key, (one, other) => {
      fc.pre(one !== other);
      expect(subjectOf('s', one)).not.toBe(subjectOf('s', other));
    }),
  );
});

it('the filter of some patterns lets through every key that one of them matches', () => {
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 1, maxLength: 4 }), key, (patterns, each) => {
      const trie = new TopicTrie<true>();
      for (const one of patterns) trie.add(one, true);
      fc.pre(trie.match(each).size > 0);
      expect(passes(coveringFilter('s', patterns), subjectOf('s', each))).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

it('a filter that was widened lets through what both did', () => {
  fc.assert(
    fc.property(pattern, pattern, key, (one, other, each) => {
      const [first, second] = [coveringFilter('s', [one]), coveringFilter('s', [other])];
      const subject = subjectOf('s', each);
      fc.pre(passes(first, subject) || passes(second, subject));
      expect(passes(widerFilter(first, second), subject)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

it.each([
  [['*.*.*.VirtualMachine.*'], 's.*.*.*.VirtualMachine.*'],
  [['a.b.c'], 's.a.b.c'],
  [['a.b.c', 'a.x.c'], 's.a.*.c'],
  [['#'], 's.>'],
  [['a.b.#'], 's.a.>'],
])('the filter of %j is no wider than one filter must be: %s', (patterns, filter) => {
  expect(coveringFilter('s', patterns)).toBe(filter);
});
