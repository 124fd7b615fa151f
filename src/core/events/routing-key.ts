import { clipped } from '../errors/clipped.js';
import { RefusedError } from '../errors/errors.js';
import { utf8Length } from '../json/plain-json.js';
import type { Category } from './category.js';
import { parseSubject } from './create-event.js';
import type { SignalboxEvent } from './event.js';

/** The longest routing key, in bytes of UTF-8: the limit of AMQP. */
export const maximumRoutingKeyBytes = 255;

/** Word of a routing key for a value that is empty or absent. */
export const emptyWord = '-';

/** The five words of a routing key. */
export interface RoutingKeyParts {
  readonly source: string;
  readonly category: Category;
  /** With its dots, as in `VM.START`. */
  readonly type: string;
  /** Absent when the event concerns no resource; so is `uuid`. */
  readonly resource?: string | undefined;
  readonly uuid?: string | undefined;
}

/**
 * Pure. Exactly five words, `source.category.type.resource.uuid`, each made by `routingWord`. Throws
 * RefusedError ROUTING_KEY_TOO_LONG over 255 bytes.
 *
 * @example
 * routingKey({ source: 'management-server', category: 'ActionEvent', type: 'VM.START' })
 * // 'management-server.ActionEvent.VM-START.-.-'
 */
export function routingKey(parts: RoutingKeyParts): string {
  const key = joinWords(parts);
  assertRoutingKeyLength(key);
  return key;
}

function joinWords({ source, category, type, resource, uuid }: RoutingKeyParts): string {
  return [source, category, type, resource, uuid].map(routingWord).join('.');
}

/** Pure. The routing key of an event. Throws as `routingKey` does. */
export function routingKeyOf(event: SignalboxEvent): string {
  const key = routingWordsOf(event);
  assertRoutingKeyLength(key);
  return key;
}

/**
 * Pure. What the routing key of an event would be, however long: of one that came under another key
 * and is matched against patterns.
 */
export function routingWordsOf(event: SignalboxEvent): string {
  const { source, category, type, subject } = event;
  return joinWords({ source, category, type, ...parseSubject(subject) });
}

/**
 * Pure. A value as one word of a routing key: dots, the wildcards `*` and `#`, control characters and
 * lone surrogates become `-`; all else, spaces and any script included, stays as it is. A published
 * word never holds a wildcard, so no binding can be mistaken for a key. An empty or absent value is `-`.
 */
export function routingWord(value: string | undefined): string {
  if (value === undefined || value === '') return emptyWord;
  return unsafeCharacter.test(value) ? value.replace(unsafeCharacters, '-') : value;
}

const unsafeCharacter = /[.*#\p{Cc}\p{Cs}]/u;
const unsafeCharacters = /[.*#\p{Cc}\p{Cs}]/gu;

/** Pure. Throws RefusedError ROUTING_KEY_TOO_LONG when the key takes more than 255 bytes. */
export function assertRoutingKeyLength(key: string): void {
  if (key.length * 3 <= maximumRoutingKeyBytes) return;
  const bytes = utf8Length(key);
  if (bytes > maximumRoutingKeyBytes) {
    throw RefusedError.of(
      'ROUTING_KEY_TOO_LONG',
      `The routing key takes ${bytes} bytes, more than the ${maximumRoutingKeyBytes} that AMQP allows: ${clipped(key)}. Shorten the source, the event type or the resource name.`,
      { key: clipped(key), bytes, limit: maximumRoutingKeyBytes },
    );
  }
}

/** The words of a routing key as published: dots are dashes, and an empty word is undefined. */
export interface RoutingKeyWords {
  readonly source: string | undefined;
  readonly category: string | undefined;
  readonly type: string | undefined;
  readonly resource: string | undefined;
  readonly uuid: string | undefined;
}

/** Pure. Undefined when the key does not have exactly five words, none of them empty. */
export function parseRoutingKey(key: string): RoutingKeyWords | undefined {
  const words = key.split('.');
  if (words.length !== 5 || words.includes('')) return undefined;
  const [source, category, type, resource, uuid] = words.map((word) =>
    word === emptyWord ? undefined : word,
  );
  return { source, category, type, resource, uuid };
}
