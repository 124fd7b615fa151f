import { bindingPatterns } from '../../core/events/filter.js';
import { routingWordsOf } from '../../core/events/routing-key.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import { TopicTrie } from '../../delivery/topic/topic-trie.js';
import { maySee } from '../access/visibility.js';
import type { Endpoint, EndpointSettings, LoggedEvent, Owner } from '../model.js';
import type { EndpointMatcher } from '../store/event-store.js';
import {
  compileContent,
  type CompiledContent,
  type ContentCheck,
  valuesAt,
} from './content-filter.js';

/** Why an event is for an endpoint, or is not. */
export interface Explanation {
  readonly matches: boolean;
  /** Whether the owner of the endpoint may see the event at all. */
  readonly visible: boolean;
  readonly routingKey: string;
  readonly topics: readonly { readonly pattern: string; readonly matches: boolean }[];
  readonly content: readonly ContentCheck[];
}

interface Compiled {
  readonly endpoint: Endpoint;
  readonly patterns: readonly string[];
  readonly content: CompiledContent | undefined;
  /** Of its patterns alone. */
  readonly topics: TopicTrie<true>;
}

/** Pure. Throws RefusedError FILTER_INVALID for topics or conditions that can match nothing. */
export function checkFilter(settings: EndpointSettings): void {
  bindingPatterns(settings.topics ?? '#');
  if (settings.content !== undefined) compileContent(settings.content);
}

function compile(endpoint: Endpoint): Compiled {
  const { topics: given, content } = endpoint.settings;
  const patterns = bindingPatterns(given ?? '#');
  const topics = new TopicTrie<true>();
  for (const pattern of patterns) topics.add(pattern, true);
  return {
    endpoint,
    patterns,
    content: content === undefined ? undefined : compileContent(content),
    topics,
  };
}

/** Pure. Whether one endpoint wants an event. */
export function endpointWants(endpoint: Endpoint): (event: LoggedEvent) => boolean {
  const compiled = compile(endpoint);
  return (event) => wants(compiled, event, parsedEvent(event));
}

function wants(
  { endpoint, topics, content }: Compiled,
  event: LoggedEvent,
  { body, key }: ParsedEvent,
): boolean {
  return (
    maySee(endpoint.owner, event) &&
    topics.match(key).size > 0 &&
    (content === undefined || content.matches(body))
  );
}

/** Pure. Every check that decides whether an endpoint gets an event. */
export function explainMatch(endpoint: Endpoint, event: LoggedEvent): Explanation {
  const { patterns, content } = compile(endpoint);
  const { body, key } = parsedEvent(event);
  const visible = maySee(endpoint.owner, event);
  const topics = patterns.map((pattern) => {
    const trie = new TopicTrie<true>();
    trie.add(pattern, true);
    return { pattern, matches: trie.match(key).size > 0 };
  });
  const checks = content?.explain(body) ?? [];
  return {
    matches:
      visible && topics.some(({ matches }) => matches) && checks.every((each) => each.matches),
    visible,
    routingKey: key,
    topics,
    content: checks,
  };
}

interface ParsedEvent {
  readonly body: SignalboxEvent;
  readonly key: string;
}

function parsedEvent({ payload }: LoggedEvent): ParsedEvent {
  const body = JSON.parse(payload) as SignalboxEvent;
  return { body, key: routingWordsOf(body) };
}

/** Pure. Whether any of the topic patterns matches an event. Throws RefusedError FILTER_INVALID. */
export function topicMatcher(topics: readonly string[]): (event: LoggedEvent) => boolean {
  if (topics.length === 0) return () => true;
  const trie = new TopicTrie<true>();
  for (const pattern of bindingPatterns(topics)) trie.add(pattern, true);
  return (event) => trie.match(parsedEvent(event).key).size > 0;
}

/**
 * Finds the endpoints that want an event. The cost grows with the endpoints that may want it, not with all:
 * one with a list of texts at a path is found by the event's value there, every other by owner and topic.
 */
export class EndpointIndex implements EndpointMatcher {
  #version = 0;
  readonly #byId = new Map<string, Compiled>();
  /** Path, value, endpoints. */
  readonly #anchored = new Map<string, Map<string, Set<Compiled>>>();
  /** By what `ownerKey` makes of their owners. */
  readonly #byOwner = new Map<string, TopicTrie<Compiled>>();

  get version(): number {
    return this.#version;
  }

  /** How many endpoints it gives events to. */
  get size(): number {
    return this.#byId.size;
  }

  update(changed: readonly Endpoint[], version: number): void {
    for (const endpoint of changed) {
      this.#remove(endpoint.id);
      if (endpoint.status === 'active') this.#add(compile(endpoint));
    }
    this.#version = version;
  }

  match(event: LoggedEvent): readonly Endpoint[] {
    if (this.#byId.size === 0) return [];
    const parsed = parsedEvent(event);
    const candidates = new Set<Compiled>();
    for (const [path, byValue] of this.#anchored) {
      for (const value of valuesAt(parsed.body, path.split('.'))) {
        for (const compiled of byValue.get(value as string) ?? []) candidates.add(compiled);
      }
    }
    for (const key of ownerKeysOf(event)) {
      for (const compiled of this.#byOwner.get(key)?.match(parsed.key) ?? []) {
        candidates.add(compiled);
      }
    }
    return [...candidates]
      .filter((compiled) => wants(compiled, event, parsed))
      .map(({ endpoint }) => endpoint);
  }

  #add(compiled: Compiled): void {
    const { endpoint, content, patterns } = compiled;
    this.#byId.set(endpoint.id, compiled);
    const anchor = content?.anchor;
    if (anchor !== undefined) {
      const byValue = this.#anchored.get(anchor.path) ?? new Map<string, Set<Compiled>>();
      this.#anchored.set(anchor.path, byValue);
      for (const value of anchor.values) {
        const those = byValue.get(value) ?? new Set();
        byValue.set(value, those);
        those.add(compiled);
      }
      return;
    }
    const key = ownerKey(endpoint.owner);
    const trie = this.#byOwner.get(key) ?? new TopicTrie<Compiled>();
    this.#byOwner.set(key, trie);
    for (const pattern of patterns) trie.add(pattern, compiled);
  }

  #remove(id: string): void {
    const compiled = this.#byId.get(id);
    if (compiled === undefined) return;
    this.#byId.delete(id);
    const anchor = compiled.content?.anchor;
    if (anchor !== undefined) {
      const byValue = this.#anchored.get(anchor.path);
      for (const value of anchor.values) {
        const those = byValue?.get(value);
        those?.delete(compiled);
        if (those?.size === 0) byValue?.delete(value);
      }
      if (byValue?.size === 0) this.#anchored.delete(anchor.path);
      return;
    }
    const key = ownerKey(compiled.endpoint.owner);
    const trie = this.#byOwner.get(key);
    for (const pattern of compiled.patterns) trie?.remove(pattern, compiled);
    if (trie?.size === 0) this.#byOwner.delete(key);
  }
}

function ownerKey({ reach, account, domain }: Owner): string {
  return reach === 'global' ? '*' : reach === 'domain' ? `domain ${domain}` : `account ${account}`;
}

/** The keys of every owner that may see an event. */
function ownerKeysOf({ account, domain }: LoggedEvent): readonly string[] {
  const keys = ['*'];
  if (account !== null) keys.push(`account ${account}`);
  const words = domain?.split('/') ?? [];
  for (let length = 1; length <= words.length; length += 1) {
    keys.push(`domain ${words.slice(0, length).join('/')}`);
  }
  return keys;
}
