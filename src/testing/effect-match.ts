import type { JsonObject, JsonValue } from '../core/json/json.js';
import type { Effect } from '../core/lifecycle/lifecycle.js';

/** An effect as a test expects it. `data` is compared only when given. */
export interface ExpectedEffect {
  readonly category: Effect['category'];
  readonly type: string;
  readonly data?: JsonObject;
}

/** Whether an effect is what was expected. Pure. */
export function matchesEffect(effect: Effect, expected: ExpectedEffect): boolean {
  return (
    effect.category === expected.category &&
    effect.type === expected.type &&
    (expected.data === undefined || sameJson(effect.data ?? {}, expected.data))
  );
}

/** Whether two JSON values are equal, whatever the order of their keys. Pure. */
function sameJson(one: JsonValue, other: JsonValue): boolean {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) {
    return one === other;
  }
  const keys = Object.keys(one);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    keys.length === Object.keys(other).length &&
    keys.every(
      (key) =>
        Object.hasOwn(other, key) &&
        sameJson((one as JsonObject)[key] as JsonValue, (other as JsonObject)[key] as JsonValue),
    )
  );
}
