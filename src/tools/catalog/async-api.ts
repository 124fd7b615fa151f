import type { Catalog, CatalogEntry } from './catalog.js';
import { documentKey } from './document-key.js';
import { withoutIdentity } from './without-identity.js';

/** Metadata of the document. */
export interface AsyncApiInfo {
  /** Default `Lifecycle events`. */
  readonly title?: string;
  /** The version of the document. Default `1.<sum of the lifecycles' versions>.0`. */
  readonly version?: string;
}

/** A JSON document. */
export type JsonDocument = Readonly<Record<string, unknown>>;

/**
 * The catalog as an AsyncAPI 3.0 document. Pure. Each channel's address is the routing key of its events,
 * with `{source}` and `{uuid}` as parameters; bind `*` in their place.
 */
export function asyncApi(catalog: Catalog, info: AsyncApiInfo = {}): JsonDocument {
  const { lifecycles, entries, envelopes } = catalog;
  const versions = lifecycles.reduce((sum, { version }) => sum + version, 0);
  const keyed = entries.map((entry) => [documentKey(entry.id), entry] as const);
  const listed = lifecycles.map(({ resource, version }) => `${resource} ${version}`).join(', ');
  return {
    asyncapi: '3.0.0',
    info: {
      title: info.title ?? 'Lifecycle events',
      version: info.version ?? `1.${versions}.0`,
      description: `Every event that these lifecycles announce, each under its routing key: ${listed}. Events are CloudEvents 1.0 in structured JSON.`,
    },
    defaultContentType: 'application/cloudevents+json',
    channels: Object.fromEntries(keyed.map(([key, entry]) => [key, channel(key, entry)])),
    operations: Object.fromEntries(keyed.map(([key]) => [key, operation(key)])),
    components: {
      messages: Object.fromEntries(keyed.map(([key, entry]) => [key, message(key, entry)])),
      schemas: Object.fromEntries([
        ...Object.entries(envelopes).map(([category, schema]) => [
          category,
          withoutIdentity(schema),
        ]),
        ...keyed.map(([key, { category, narrowing }]) => [
          key,
          { allOf: [{ $ref: `#/components/schemas/${category}` }, narrowing] },
        ]),
      ]),
      parameters: {
        source: { description: 'Who published.' },
        uuid: { description: "The resource's uuid." },
      },
    },
  };
}

function channel(key: string, { address, id, summary, occasions }: CatalogEntry): JsonDocument {
  const { text, parameters } = addressOf(address);
  return {
    address: text,
    title: id,
    summary,
    description: `Announced by: ${occasions.join('; ')}.`,
    parameters: {
      source: { $ref: '#/components/parameters/source' },
      uuid: { $ref: '#/components/parameters/uuid' },
      ...parameters,
    },
    messages: { event: { $ref: `#/components/messages/${key}` } },
  };
}

/** A word with braces would be read as a parameter: it becomes one, with that word as its only value. */
function addressOf([source, category, type, resource, uuid]: CatalogEntry['address']): {
  readonly text: string;
  readonly parameters: JsonDocument;
} {
  const parameters: Record<string, unknown> = {};
  const literal = (name: string, word: string): string => {
    if (!/[{}]/.test(word)) return word;
    parameters[name] = { enum: [word] };
    return `{${name}}`;
  };
  const words = [source, category, literal('type', type), literal('resource', resource), uuid];
  return { text: words.join('.'), parameters };
}

function operation(key: string): JsonDocument {
  return {
    action: 'send',
    channel: { $ref: `#/channels/${key}` },
    messages: [{ $ref: `#/channels/${key}/messages/event` }],
  };
}

function message(key: string, { id, summary, example }: CatalogEntry): JsonDocument {
  return {
    name: id,
    title: id,
    summary,
    contentType: 'application/cloudevents+json',
    payload: { $ref: `#/components/schemas/${key}` },
    examples: [{ name: 'example', payload: example }],
  };
}
