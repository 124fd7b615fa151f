import type { JsonSchema } from '../../core/json/json-schema.js';
import { propertyNotes } from './envelope-notes.js';

/** Pure. The schema with a description on every property that `propertyNotes` knows. */
export function annotate(schema: JsonSchema, path = ''): JsonSchema {
  const note = propertyNotes[path];
  const { properties } = schema;
  return {
    ...schema,
    ...(note === undefined ? {} : { description: note }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, property]) => [
              name,
              annotate(property, path === '' ? name : `${path}.${name}`),
            ]),
          ),
        }),
  };
}
