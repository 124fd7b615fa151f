import type { JsonObject } from '../json/json.js';
import type { Effect, EffectCategory } from './lifecycle.js';

/** The static params of an effect: what is announced. */
export interface EffectParams<TType extends string = string> {
  /** The event type, such as `VM.START` or `ALERT.USERVM`. */
  readonly type: TType;
  /** Static facts that go into the event's data. Plain JSON. */
  readonly data?: JsonObject;
}

/** The names under which a machine declares effects, and the category each announces. */
export const effectCategories = {
  usage: 'UsageEvent',
  alert: 'AlertEvent',
  action: 'ActionEvent',
} as const satisfies Record<string, EffectCategory>;

/** The name of an effect in a machine. */
export type EffectName = 'usage' | 'alert' | 'action';

/** The three effects, of any event type. What the package exports takes only those that are known. */
export const effects: {
  readonly [N in 'usage' | 'alert' | 'action']: (snapshot: unknown, params: EffectParams) => void;
} = Object.freeze({
  usage: announced,
  alert: announced,
  action: announced,
});

function announced(_snapshot: unknown, _params: EffectParams): void {
  // Run only when somebody starts the machine as an actor, outside of a lifecycle.
}

/** Whether two effects announce the same. Pure. */
export function sameEffect(a: Effect, b: Effect): boolean {
  return (
    a.category === b.category &&
    a.type === b.type &&
    JSON.stringify(a.data) === JSON.stringify(b.data)
  );
}
