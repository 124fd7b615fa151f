import type { JsonSchema } from '../../core/json/json-schema.js';

/**
 * Pure. One schema that says what both say: properties are merged by name, what is required in either is
 * required, and of any other keyword `narrow` has the last word.
 */
export function mergeSchemas(base: JsonSchema, narrow: JsonSchema): JsonSchema {
  const required = [...new Set([...(base.required ?? []), ...(narrow.required ?? [])])];
  const merged = new Map(Object.entries(base.properties ?? {}));
  for (const [name, schema] of Object.entries(narrow.properties ?? {})) {
    const known = merged.get(name);
    merged.set(name, known === undefined ? schema : mergeSchemas(known, schema));
  }
  return {
    ...base,
    ...narrow,
    ...(required.length === 0 ? {} : { required }),
    ...(merged.size === 0 ? {} : { properties: Object.fromEntries(merged) }),
  };
}
