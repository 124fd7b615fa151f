import fc from 'fast-check';

// Few words, so that keys and patterns often meet; the empty word, and words that look like wildcards.
const word = fc.constantFrom('a', 'b', 'c', '', 'é', 'a*', '**');
const patternWord = fc.oneof({ weight: 3, arbitrary: word }, fc.constantFrom('*', '#'));

export const keys = fc.array(word, { maxLength: 6 }).map((words) => words.join('.'));
export const patterns = fc.array(patternWord, { maxLength: 6 }).map((words) => words.join('.'));
