import { RefusedError } from '../errors/errors.js';
import { nearestName } from '../errors/nearest-name.js';
import { categories } from './category.js';
import type { EventFilter, EventSelection, TenancyFilter } from './event-filter.js';
import { filterResourceName } from './filter-resource.js';
import type { KnownSelection } from './known-selection.js';
import { maximumRoutingKeyBytes, routingWord } from './routing-key.js';
import { utf8Length } from '../json/plain-json.js';

const words = ['source', 'category', 'type', 'resource', 'uuid'] as const;

/** The properties of a filter that tell whose events it selects. */
export const tenancyKeys = ['account', 'domain', 'project'] as const;

const properties: readonly string[] = [...words, ...tenancyKeys];

/** Wanted values by key; events must have one of each. */
export type WantedTenancy = Readonly<
  Partial<Record<(typeof tenancyKeys)[number], readonly string[]>>
>;

/** One filter or pattern of a selection. */
export interface SelectedPart {
  readonly patterns: readonly string[];
  /** Undefined where it selects everybody's events. */
  readonly tenancy: WantedTenancy | undefined;
}

/** The most patterns that one selection may multiply to: each is a binding on the broker. */
const maximumPatterns = 1000;

/**
 * Pure. The AMQP topic patterns that bind what is selected, without duplicates. Throws RefusedError
 * FILTER_INVALID for what can never match an event: an unknown property, an unknown category, an empty
 * list, part of a word beside a wildcard (`VM-*`), or a pattern that five words cannot satisfy.
 *
 * @example
 * bindingPatterns({ category: 'ActionEvent', type: ['VM.START', 'VM.STOP'] })
 * // ['*.ActionEvent.VM-START.*.*', '*.ActionEvent.VM-STOP.*.*']
 */
export function bindingPatterns<const S extends EventSelection>(
  selection: KnownSelection<S>,
): readonly string[] {
  return [...new Set(selectedParts(selection).flatMap(({ patterns }) => patterns))];
}

/** Pure. Every filter and pattern of a selection. Throws as `bindingPatterns` does. */
export function selectedParts(selection: EventSelection): readonly SelectedPart[] {
  const parts = Array.isArray(selection) ? selection : [selection];
  if (parts.length === 0) throw invalid('An empty list of filters matches nothing.', '[]');
  let patterns = 0;
  return (parts as readonly (EventFilter | string)[]).map((part) => {
    const selected =
      typeof part === 'string'
        ? { patterns: [checkPattern(part)], tenancy: undefined }
        : { patterns: filterPatterns(part), tenancy: wantedTenancy(part) };
    patterns += selected.patterns.length;
    if (patterns > maximumPatterns) {
      throw invalid(
        `The ${parts.length} filters multiply to more than ${maximumPatterns} patterns. Use fewer or wider ones, or several subscriptions.`,
        `${parts.length} filters`,
      );
    }
    return selected;
  });
}

/**
 * Pure. Whose events a filter selects; undefined for everybody's. Throws RefusedError FILTER_INVALID for
 * what is there and says nothing, such as `account: undefined`: it must not select everybody's.
 */
export function wantedTenancy(filter: TenancyFilter): WantedTenancy | undefined {
  const wanted: Partial<Record<(typeof tenancyKeys)[number], readonly string[]>> = {};
  for (const key of tenancyKeys) {
    if (!Object.hasOwn(filter, key)) continue;
    const given: unknown = filter[key];
    const values: readonly unknown[] = Array.isArray(given) ? given : [given];
    refuseUnusableList(values, key);
    wanted[key] = values.map((value) => {
      if (typeof value === 'string' && value !== '' && value !== '*') return value;
      throw invalid(
        `The ${key} of a filter is a name. Leave ${key} out to select the events of everybody.`,
        String(value),
      );
    });
  }
  return Object.keys(wanted).length === 0 ? undefined : wanted;
}

/** Pure. Throws RefusedError FILTER_INVALID for a list of no values, and for one of too many. */
export function refuseUnusableList(values: readonly unknown[], key: string): void {
  if (values.length === 0) throw invalid(`An empty list for ${key} matches nothing.`, key);
  if (values.length <= maximumPatterns) return;
  throw invalid(
    `The list for ${key} has ${values.length} values, more than ${maximumPatterns}. Leave ${key} out and look at each event, or use several subscriptions.`,
    key,
  );
}

function filterPatterns(filter: EventFilter): readonly string[] {
  if (typeof filter !== 'object' || filter === null) {
    throw invalid('A filter is an object or a topic pattern.', String(filter));
  }
  for (const key of Object.keys(filter)) {
    if (properties.includes(key)) continue;
    const nearest = nearestName(key, properties);
    const hint =
      nearest === undefined ? `Use ${properties.join(', ')}.` : `Did you mean ${nearest}?`;
    throw invalid(`A filter has no property ${key}. ${hint}`, key);
  }
  let prefixes = [''];
  for (const word of words) {
    const values = filterWords(filter, word);
    prefixes = prefixes.flatMap((prefix) =>
      values.map((value) => (prefix === '' ? value : `${prefix}.${value}`)),
    );
    if (prefixes.length > maximumPatterns) {
      throw invalid(
        `The filter multiplies to more than ${maximumPatterns} patterns. Use fewer values, or several subscriptions.`,
        word,
      );
    }
  }
  return prefixes.map(checkPattern);
}

function filterWords(filter: EventFilter, word: (typeof words)[number]): readonly string[] {
  const given: unknown = filter[word];
  if (given === undefined) return ['*'];
  const values: readonly unknown[] = Array.isArray(given) ? given : [given];
  refuseUnusableList(values, word);
  return values.map((value) => filterWord(value, word));
}

function filterWord(given: unknown, word: (typeof words)[number]): string {
  const value = word === 'resource' ? (filterResourceName(given) ?? given) : given;
  if (typeof value !== 'string') {
    throw invalid(
      word === 'resource'
        ? 'The resource of a filter is its name, its lifecycle, or a class or mapping that has one.'
        : `The ${word} of a filter is text.`,
      typeof value === 'function' ? value.name : String(value),
    );
  }
  if (value === '' || value === '*') return '*';
  if (/[*#]/.test(value)) {
    throw invalid(
      `The ${word} "${value}" mixes text and wildcards, which AMQP cannot match. Give whole words, or leave ${word} out.`,
      value,
    );
  }
  return routingWord(value);
}

/** Whether some key of five words, none of them empty, could match the pattern. */
function checkPattern(pattern: string): string {
  const parts = pattern.split('.');
  const hashes = parts.filter((part) => part === '#').length;
  const singles = parts.length - hashes;
  if (singles > 5 || (singles < 5 && hashes === 0)) {
    throw invalid(
      `The pattern "${pattern}" cannot match: routing keys have exactly five words, source.category.type.resource.uuid.`,
      pattern,
    );
  }
  for (const part of parts) {
    if (part !== '*' && part !== '#' && (part === '' || part !== routingWord(part))) {
      throw invalid(
        `The pattern "${pattern}" cannot match: no word of a routing key is "${part}". A wildcard stands alone as a whole word.`,
        pattern,
      );
    }
  }
  checkCategory(pattern, parts);
  if (utf8Length(pattern) > maximumRoutingKeyBytes) {
    throw invalid(`The pattern "${pattern}" exceeds ${maximumRoutingKeyBytes} bytes.`, pattern);
  }
  return pattern;
}

/** The second word of the pattern is the category, unless a `#` before it may take its place. */
function checkCategory(pattern: string, parts: readonly string[]): void {
  const [source, category] = parts;
  if (source === '#' || category === undefined || category === '*' || category === '#') return;
  if ((categories as readonly string[]).includes(category)) return;
  const nearest = nearestName(category, categories);
  throw invalid(
    `The pattern "${pattern}" cannot match: there is no category ${category}. ${
      nearest === undefined ? `Use one of ${categories.join(', ')}.` : `Did you mean ${nearest}?`
    }`,
    pattern,
  );
}

function invalid(message: string, filter: string): RefusedError {
  return RefusedError.of('FILTER_INVALID', message, { filter });
}
