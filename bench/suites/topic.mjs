import { TopicTrie } from '../../build/src/delivery/topic/topic-trie.js';
import { figure } from '../figure.mjs';
import { compare, looped } from '../measure.mjs';

const bindings = 10_000;
const hits = 158;

/** The topic match of the memory bus against the regular expressions one would write. */
export const topic = {
  name: 'topic',
  title: `topic match, ${bindings} bindings`,
  async run(options) {
    const figures = [];
    for (const { name, least, patterns } of [
      { name: 'selective', least: 1_000, patterns: selective() },
      { name: `${hits} hits a key`, least: 150, patterns: popular() },
    ]) {
      const [subject, reference] = await compare(
        [
          looped('trie', 1, async () => match(trieOf(patterns), keys)),
          looped('regular expressions in a loop', 1, async () =>
            match(loopOf(patterns), keys.slice(0, 20)),
          ),
        ],
        options,
      );
      figures.push(figure({ name: `topic match, ${name}`, goal: { least }, subject, reference }));
    }
    return { settings: { bindings }, figures };
  },
};

const uuidOf = (number) => `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`;

const keys = Array.from(
  { length: 2_000 },
  (_, index) =>
    `management-server.ResourceStateEvent.SwitchedOn.Lamp.${uuidOf((index * 7) % bindings)}`,
);

/** One binding for each resource: a key finds one of them. */
function selective() {
  return Array.from({ length: bindings }, (_, index) => `*.*.*.*.${uuidOf(index)}`);
}

/** As many of them as are told want every state event; the others want other resources. */
function popular() {
  return Array.from({ length: bindings }, (_, index) =>
    index < hits ? `*.ResourceStateEvent.#` : `*.*.*.Other.${uuidOf(index)}`,
  );
}

const tries = new Map();
function trieOf(patterns) {
  let trie = tries.get(patterns);
  if (trie === undefined) {
    trie = new TopicTrie();
    patterns.forEach((pattern, index) => trie.add(pattern, index));
    tries.set(patterns, trie);
  }
  return (key) => trie.match(key).size;
}

const loops = new Map();
function loopOf(patterns) {
  let expressions = loops.get(patterns);
  if (expressions === undefined) {
    expressions = patterns.map((pattern) => new RegExp(`^${wordsOf(pattern)}$`));
    loops.set(patterns, expressions);
  }
  return (key) => {
    const found = new Set();
    expressions.forEach((expression, index) => {
      if (expression.test(key)) found.add(index);
    });
    return found.size;
  };
}

const wordsOf = (pattern) =>
  pattern
    .replaceAll('-', '\\-')
    .replaceAll('.', '\\.')
    .replaceAll('*', '[^.]*')
    .replaceAll('#', '.*');

function match(find, some) {
  let found = 0;
  for (const key of some) found += find(key);
  if (found < some.length) throw new Error('A key found nothing.');
  return some.length;
}
