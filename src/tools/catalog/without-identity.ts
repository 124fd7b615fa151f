import type { JsonSchema } from '../../core/json/json-schema.js';

/**
 * Pure. The schema without the `$id` and `$schema` of it and of its properties, so that every reference
 * is one into the document that it is put into.
 */
export function withoutIdentity(schema: JsonSchema): JsonSchema {
  const entries = Object.entries(schema).filter(([name]) => name !== '$id' && name !== '$schema');
  const { properties } = schema;
  const bare: JsonSchema = Object.fromEntries(entries);
  if (properties === undefined) return bare;
  return {
    ...bare,
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, withoutIdentity(property)]),
    ),
  };
}
