/**
 * Finds which of many AMQP topic patterns match a key, as RabbitMQ does: words are separated by dots
 * and may be empty, `*` stands for exactly one word, `#` for any number of words, zero included. The
 * empty key and the empty pattern have no words.
 *
 * The cost of a match grows with the words of the key and the patterns that match so far, not with the
 * number of patterns: patterns are shared word by word, and found by a map lookup on each.
 */
export class TopicTrie<T> {
  readonly #root = new TrieNode<T>();
  #size = 0;
  #step = 0;

  /** How many (pattern, value) pairs there are. */
  get size(): number {
    return this.#size;
  }

  /** Adds a value under a pattern. Safe to call twice: a pair is kept once. */
  add(pattern: string, value: T): void {
    let node = this.#root;
    for (const word of wordsOf(pattern)) node = node.childFor(word);
    node.values ??= new Set();
    if (node.values.has(value)) return;
    node.values.add(value);
    this.#size += 1;
  }

  /** Removes a value from under a pattern, and what no other pattern needs. False if it was not there. */
  remove(pattern: string, value: T): boolean {
    const path: { readonly parent: TrieNode<T>; readonly word: string }[] = [];
    let node = this.#root;
    for (const word of wordsOf(pattern)) {
      const child = node.child(word);
      if (child === undefined) return false;
      path.push({ parent: node, word });
      node = child;
    }
    if (node.values?.delete(value) !== true) return false;
    if (node.values.size === 0) node.values = undefined;
    this.#size -= 1;
    for (const { parent, word } of path.reverse()) {
      if (parent.child(word)?.empty !== true) break;
      parent.removeChild(word);
    }
    return true;
  }

  /** The values of every pattern that matches the key, each once, in no particular order. */
  match(key: string): Set<T> {
    // All patterns are followed at once, one word after another. A node is entered once for each word
    // (marked by the step's number), so that many hashes cannot multiply the work.
    let active: TrieNode<T>[] = [];
    this.#step += 1;
    this.#enter(this.#root, active);
    for (const word of wordsOf(key)) {
      if (active.length === 0) break;
      const next: TrieNode<T>[] = [];
      this.#step += 1;
      for (const node of active) {
        const literal = node.literals?.get(word);
        if (literal !== undefined) this.#enter(literal, next);
        if (node.star !== undefined) this.#enter(node.star, next);
        if (node.isHash) this.#enter(node, next);
      }
      active = next;
    }
    const found = new Set<T>();
    for (const { values } of active) {
      if (values !== undefined) for (const value of values) found.add(value);
    }
    return found;
  }

  /** Enters a node, and the hash below it too: a hash may stand for no word at all. */
  #enter(node: TrieNode<T>, entered: TrieNode<T>[]): void {
    for (let next: TrieNode<T> | undefined = node; next !== undefined; next = next.hash) {
      if (next.enteredAt === this.#step) return;
      next.enteredAt = this.#step;
      entered.push(next);
    }
  }
}

class TrieNode<T> {
  literals: Map<string, TrieNode<T>> | undefined;
  star: TrieNode<T> | undefined;
  hash: TrieNode<T> | undefined;
  values: Set<T> | undefined;
  enteredAt = 0;

  constructor(readonly isHash = false) {}

  get empty(): boolean {
    return !this.values && !this.star && !this.hash && !this.literals;
  }

  child(word: string): TrieNode<T> | undefined {
    if (word === '*') return this.star;
    if (word === '#') return this.hash;
    return this.literals?.get(word);
  }

  childFor(word: string): TrieNode<T> {
    if (word === '*') return (this.star ??= new TrieNode());
    if (word === '#') return (this.hash ??= new TrieNode(true));
    this.literals ??= new Map();
    let child = this.literals.get(word);
    if (child === undefined) {
      child = new TrieNode();
      this.literals.set(word, child);
    }
    return child;
  }

  removeChild(word: string): void {
    if (word === '*') this.star = undefined;
    else if (word === '#') this.hash = undefined;
    else {
      this.literals?.delete(word);
      if (this.literals?.size === 0) this.literals = undefined;
    }
  }
}

function wordsOf(text: string): readonly string[] {
  return text === '' ? [] : text.split('.');
}
