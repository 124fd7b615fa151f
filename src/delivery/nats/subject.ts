import { percentDecode, percentEncode } from './percent.js';

/**
 * Pure. A routing key as the end of a NATS subject, word for word. What a subject cannot hold is
 * percent-encoded, and an empty word is a lone `%`, which no encoded word is.
 */
export function subjectOf(prefix: string, key: string): string {
  return `${prefix}.${key.split('.').map(subjectWord).join('.')}`;
}

/** Pure. One word of a subject. */
export function subjectWord(word: string): string {
  return word === '' ? '%' : percentEncode(word).replaceAll('*', '%2A');
}

/** Pure. The routing key behind so many words of a subject, which another program may have written. */
export function keyOf(subject: string, skippedWords: number): string {
  return subject
    .split('.')
    .slice(skippedWords)
    .map((word) => (word === '%' ? '' : percentDecode(word)))
    .join('.');
}

/**
 * Pure. The narrowest single subject filter that lets through every key that any of the topic patterns
 * matches; servers before 2.10 take no more than one. It may let through more: members compare each key
 * with their patterns.
 */
export function coveringFilter(prefix: string, patterns: readonly string[]): string {
  const [first = [], ...others] = patterns.map(filterWords);
  return [prefix, ...others.reduce(join, first)].join('.');
}

/** Pure. The narrowest filter that lets through what either of two filters does. */
export function widerFilter(one: string, other: string): string {
  return join(one.split('.'), other.split('.')).join('.');
}

const tail = '>';

/** A pattern as words of a filter. `#` may stand for no word, `>` not, so it takes the word before it in. */
function filterWords(pattern: string): readonly string[] {
  const words = pattern === '' ? [''] : pattern.split('.');
  const hash = words.indexOf('#');
  const fixed = hash === -1 ? words : words.slice(0, Math.max(0, hash - 1));
  const encoded = fixed.map((word) => (word === '*' ? word : subjectWord(word)));
  return hash === -1 ? encoded : [...encoded, tail];
}

/** A tail stands for one word at least, so the shorter of two filters must lose its last to it. */
function join(one: readonly string[], other: readonly string[]): readonly string[] {
  const alike = one.length === other.length && one.at(-1) !== tail && other.at(-1) !== tail;
  const shared = Math.min(one.length, other.length) - (alike ? 0 : 1);
  const joined = one.slice(0, shared).map((word, index) => (word === other[index] ? word : '*'));
  return alike ? joined : [...joined, tail];
}
