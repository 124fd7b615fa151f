import { categories } from '../../../core/events/category.js';
import type { SignalboxEvent } from '../../../core/events/event.js';
import { parseSubject } from '../../../core/events/create-event.js';
import {
  assertRoutingKeyLength,
  emptyWord,
  routingWord,
} from '../../../core/events/routing-key.js';

/** Word that CloudStack writes for an absent value, and binds for any value. */
const anything = '*';

/** The Java classes that CloudStack names the resources of usage events by. */
const classes: ReadonlyMap<string, string> = new Map([
  ['VirtualMachine', 'com.cloud.vm.VirtualMachine'],
  ['Volume', 'com.cloud.storage.Volume'],
  ['Snapshot', 'com.cloud.storage.Snapshot'],
  ['Network', 'com.cloud.network.Network'],
]);

/** Pure. What a usage event calls a resource type: CloudStack's class, or the name where it has none. */
export function usageResource(resource: string | undefined): string | undefined {
  return resource === undefined ? undefined : (classes.get(resource) ?? resource);
}

/** Pure. The resource type that a usage event of CloudStack means by a class. */
export function resourceOfClass(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Pure. Throws RefusedError ROUTING_KEY_TOO_LONG. */
export function cloudStackKey(event: SignalboxEvent): string {
  const { source, category, type, subject } = event;
  const { resource, uuid } = parseSubject(subject);
  const named = category === 'UsageEvent' ? usageResource(resource) : resource;
  const key = [source, category, type, named, uuid]
    .map((word) => (word === undefined || word === '' ? anything : routingWord(word)))
    .join('.');
  assertRoutingKeyLength(key);
  return key;
}

/** The words of a key of CloudStack's: still dashed, and undefined where it has `*`. */
export interface CloudStackWords {
  readonly source: string | undefined;
  readonly category: string | undefined;
  readonly type: string | undefined;
  readonly resource: string | undefined;
  readonly uuid: string | undefined;
}

/** Pure. Undefined for a key that is none of CloudStack's, as on Kafka, where it is only the uuid. */
export function parseCloudStackKey(key: string): CloudStackWords | undefined {
  const words = key.split('.');
  if (words.length !== 5 || words.includes('')) return undefined;
  const [source, category, type, resource, uuid] = words.map((word) =>
    word === anything ? undefined : word,
  );
  return { source, category, type, resource, uuid };
}

/** Pure. See `Format.bindings`: an absent word and the class of a usage event need a wider binding. */
export function cloudStackBindings(patterns: readonly string[]): readonly string[] {
  return [...new Set(patterns.map(binding))];
}

/** Pure. On Kafka CloudStack's own records have no routing key: what they are is told by their body. */
export function cloudStackKafkaBindings(patterns: readonly string[]): readonly string[] {
  return [...cloudStackBindings(patterns), ''];
}

const usage = 'UsageEvent';

function binding(pattern: string): string {
  const words = pattern.split('.');
  if (words.includes('#')) {
    // Which word stands where is not known, so only a category is sure to be one.
    return words.map((word) => (word === '#' || isCategory(word) ? word : anything)).join('.');
  }
  const [, category = anything] = words;
  const mayBeUsage = category === anything || category === usage;
  return words
    .map((word, index) => (word === emptyWord || (index === 3 && mayBeUsage) ? anything : word))
    .join('.');
}

function isCategory(word: string): boolean {
  return (categories as readonly string[]).includes(word);
}
