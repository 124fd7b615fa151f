import { ConfigurationError } from '../../core/errors/errors.js';
import { maximumJsonDepth } from '../../core/json/plain-json.js';
import type { JsonSchema } from '../../core/json/json-schema.js';
import type { Catalog } from './catalog.js';
import { documentKey } from './document-key.js';
import { mergeSchemas } from './merge-schemas.js';

/** The contract of consumers: each channel's address, and the schema of its events. */
export type Contract = ReadonlyMap<string, ChannelContract>;

/** One channel of a contract. */
export interface ChannelContract {
  readonly address: string;
  readonly schema: JsonSchema;
}

type JsonNode = Readonly<Record<string, unknown>>;

/** Pure. The contract of a catalog; channels have the keys that the documents give them. */
export function contractOf({ entries }: Catalog): Contract {
  return new Map(
    entries.map(({ id, address, schema }) => [
      documentKey(id),
      { address: address.join('.'), schema },
    ]),
  );
}

/**
 * The contract in a document that `asyncApi` or `jsonSchemaDocument` made, in this version or an earlier
 * one. Pure. Throws ConfigurationError ARGUMENT_INVALID for anything else.
 */
export function readContract(document: unknown): Contract {
  const root = node(document, 'The document');
  if (root['asyncapi'] !== undefined) return readAsyncApi(root);
  if (root['$defs'] !== undefined) return readJsonSchema(root);
  throw invalid('It is neither an AsyncAPI document nor a JSON Schema with $defs');
}

function readAsyncApi(root: JsonNode): Contract {
  const channels = Object.entries(node(root['channels'], 'channels'));
  return new Map(
    channels.map(([key, value]) => {
      const channel = node(value, `channels.${key}`);
      const messages = Object.values(node(channel['messages'], `channels.${key}.messages`));
      const [message] = messages;
      if (messages.length !== 1) throw invalid(`channels.${key} does not have exactly one message`);
      const { payload } = resolve(root, message, key);
      const address = literalAddress(channel, key);
      return [key, { address, schema: flatten(root, payload, key) }];
    }),
  );
}

/** The address with its parameters of one fixed value filled in. */
function literalAddress(channel: JsonNode, key: string): string {
  const { address, parameters = {} } = channel;
  if (typeof address !== 'string') throw invalid(`channels.${key} has no address`);
  let text = address;
  for (const [name, value] of Object.entries(node(parameters, `channels.${key}.parameters`))) {
    const values: unknown = node(value, `channels.${key}.parameters.${name}`)['enum'];
    if (!Array.isArray(values) || values.length !== 1) continue;
    text = text.replace(`{${name}}`, () => String(values[0]));
  }
  return text;
}

function readJsonSchema(root: JsonNode): Contract {
  const definitions = Object.entries(node(root['$defs'], '$defs'));
  return new Map(
    definitions.flatMap(([key, value]) => {
      const address = node(value, `$defs.${key}`)['x-address'];
      if (typeof address !== 'string') return [];
      return [[key, { address, schema: flatten(root, value, key) }] as const];
    }),
  );
}

/** The schema with its references followed and what `allOf` joins put together. */
function flatten(root: JsonNode, value: unknown, where: string, depth = 0): JsonSchema {
  if (depth > maximumJsonDepth) throw invalid(`${where} is nested too deep, or refers to itself`);
  const schema = resolve(root, value, where);
  const { allOf = [], properties, ...rest } = schema;
  if (!Array.isArray(allOf)) throw invalid(`${where} has an allOf that is no list`);
  const parts = allOf.map((part: unknown) => flatten(root, part, where, depth + 1));
  const own: JsonNode =
    properties === undefined
      ? rest
      : {
          ...rest,
          properties: Object.fromEntries(
            Object.entries(node(properties, where)).map(([name, property]) => [
              name,
              flatten(root, property, `${where}.${name}`, depth + 1),
            ]),
          ),
        };
  checkKeywords(own, where);
  return [...parts, own].reduce<JsonSchema>((whole, part) => mergeSchemas(whole, part), {});
}

/** Follows references into the document, such as `#/components/schemas/Volume`. */
function resolve(root: JsonNode, value: unknown, where: string): JsonNode {
  let found = node(value, where);
  for (let steps = 0; found['$ref'] !== undefined; steps += 1) {
    const reference: unknown = found['$ref'];
    if (typeof reference !== 'string' || !reference.startsWith('#/') || steps > maximumJsonDepth) {
      throw invalid(`${where} refers to what is not in the document: ${String(reference)}`);
    }
    const path = reference.slice(2).split('/');
    let target: unknown = root;
    for (const step of path) target = node(target, reference)[step];
    found = node(target, reference);
  }
  return found;
}

function checkKeywords(schema: JsonNode, where: string): void {
  for (const [name, accepts] of Object.entries(keywords)) {
    if (schema[name] !== undefined && !accepts(schema[name])) {
      throw invalid(`${where} has a ${name} that no catalog has`);
    }
  }
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isNumber = (value: unknown): boolean => typeof value === 'number';
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);

const keywords: Readonly<Record<string, (value: unknown) => boolean>> = {
  type: (value) => isText(value) || isTexts(value),
  const: isText,
  enum: isTexts,
  required: isTexts,
  pattern: isText,
  minimum: isNumber,
  maximum: isNumber,
  minLength: isNumber,
  maxLength: isNumber,
};

function node(value: unknown, where: string): JsonNode {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonNode;
  }
  throw invalid(`${where} is not an object`);
}

function invalid(problem: string): ConfigurationError {
  return new ConfigurationError(
    'ARGUMENT_INVALID',
    `This is no catalog: ${problem}. Give what \`signalbox catalog --format asyncapi\` or \`jsonschema\` printed.`,
  );
}
