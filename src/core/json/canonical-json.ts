import type { JsonObject, JsonValue } from './json.js';

/** Pure. JSON whose keys are in order, so that equal values have equal texts. */
export function canonicalJson(value: JsonValue): string {
  return JSON.stringify(value, (_, inner: JsonValue) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(
          Object.entries(inner as JsonObject).toSorted(([a], [b]) => (a < b ? -1 : 1)),
        )
      : inner,
  );
}
