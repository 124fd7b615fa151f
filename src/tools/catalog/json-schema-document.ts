import type { JsonDocument } from './async-api.js';
import type { Catalog } from './catalog.js';
import { documentKey } from './document-key.js';
import { withoutIdentity } from './without-identity.js';

/**
 * The catalog as one JSON Schema 2020-12 document that accepts every event in it, with a definition for
 * each under `$defs`. Pure. `x-address` of a definition is its routing key.
 */
export function jsonSchemaDocument({ entries, envelopes, lifecycles }: Catalog): JsonDocument {
  const keyed = entries.map((entry) => [documentKey(entry.id), entry] as const);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: lifecycles.map(({ resource, version }) => `${resource} ${version}`).join(', '),
    anyOf: keyed.map(([key]) => ({ $ref: `#/$defs/${key}` })),
    $defs: {
      ...Object.fromEntries(
        Object.entries(envelopes).map(([category, schema]) => [category, withoutIdentity(schema)]),
      ),
      ...Object.fromEntries(
        keyed.map(([key, { id, address, summary, category, narrowing, example }]) => [
          key,
          {
            title: id,
            description: summary,
            'x-address': address.join('.'),
            allOf: [{ $ref: `#/$defs/${category}` }, narrowing],
            examples: [example],
          },
        ]),
      ),
    },
  };
}
