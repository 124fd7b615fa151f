import Schema from 'typebox/schema';
import { ConfigurationError } from '../core/errors/errors.js';
import { nearestName } from '../core/errors/nearest-name.js';
import { checkOptions } from '../core/options/check-options.js';
import { options } from '../core/options/fields.js';
import { relayFields, type RelayOptions } from '../delivery/relay/relay-options.js';
import { configurationSchema } from './configuration-schema.js';
import type { Configuration } from './configuration-schema.js';

interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/**
 * Checks a configuration whole. Throws ConfigurationError CONFIG_KEY_UNKNOWN (naming the nearest key
 * that exists) or CONFIG_VALUE_INVALID (naming the key and what it takes). The value itself is never
 * part of the message: it may hold a password.
 *
 * @param origin Where it came from, such as a file name or an environment variable.
 */
export function validateConfiguration(value: unknown, origin: string): Configuration {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigurationError(
      'CONFIG_FILE_INVALID',
      `${origin} does not export an object. Write: export default defineConfig({ … }).`,
      { parameters: { origin } },
    );
  }
  const { relay, ...others } = value as { readonly relay?: unknown };
  refuseUnknownKeys(others, configurationSchema as SchemaNode, '', origin);
  checkOptions({ of: origin, fields: { relay: options<RelayOptions>(relayFields) } }, { relay });
  const [, errors] = Schema.Errors(configurationSchema, value);
  const fault = errors.toSorted((a, b) => b.instancePath.length - a.instancePath.length)[0];
  if (fault !== undefined) {
    const key = keyOf(fault.instancePath);
    throw new ConfigurationError('CONFIG_VALUE_INVALID', `${origin}: '${key}' ${fault.message}.`, {
      parameters: { origin, key },
    });
  }
  return value as Configuration;
}

function refuseUnknownKeys(value: unknown, schema: SchemaNode, path: string, origin: string): void {
  if (Array.isArray(value)) {
    const node = alternatives(schema).find((candidate) => candidate.items !== undefined)?.items;
    value.forEach((item, index) => {
      if (node !== undefined) refuseUnknownKeys(item, node, `${path}[${index}]`, origin);
    });
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const properties = alternatives(schema).find(
    (candidate) => candidate.properties !== undefined,
  )?.properties;
  if (properties === undefined) return;
  for (const [key, child] of Object.entries(value)) {
    const name = path === '' ? key : `${path}.${key}`;
    const node = Object.hasOwn(properties, key) ? properties[key] : undefined;
    if (node === undefined) {
      const suggestion = nearestName(key, Object.keys(properties));
      throw new ConfigurationError(
        'CONFIG_KEY_UNKNOWN',
        `${origin}: there is no key '${name}'. ` +
          (suggestion === undefined
            ? `Keys here: ${Object.keys(properties).join(', ')}.`
            : `Did you mean '${suggestion}'?`),
        { parameters: { origin, key: name, suggestion: suggestion ?? null } },
      );
    }
    refuseUnknownKeys(child, node, name, origin);
  }
}

function alternatives(schema: SchemaNode): readonly SchemaNode[] {
  return schema.anyOf === undefined ? [schema] : schema.anyOf.flatMap(alternatives);
}

function keyOf(instancePath: string): string {
  return instancePath.slice(1).replaceAll('/', '.');
}
