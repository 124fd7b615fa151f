import { assign } from 'xstate';
import type { JsonObject, JsonValue } from '../json/json.js';
import { assertPlainJson } from '../json/plain-json.js';
import { effectCategories, type EffectName } from './effects.js';
import type { Faults } from './faults.js';
import type { Effect } from './lifecycle.js';
import { eventNameFault } from './names.js';

const assignType = (assign({}) as unknown as { type: string }).type;

/** How the machine's own configuration writes an action. */
type DeclaredAction = unknown;

/**
 * Reads the actions of one place of a machine as effects. What is not an effect becomes a fault and
 * is left out.
 *
 * @param where Names the place in messages: `on 'Started' in state Creating`.
 * @param implementations `setup({ actions })` of the machine.
 */
export function readEffects(
  actions: DeclaredAction,
  where: string,
  implementations: Readonly<Record<string, unknown>>,
  faults: Faults,
): readonly Effect[] {
  const list = actions === undefined ? [] : Array.isArray(actions) ? actions : [actions];
  return Object.freeze(
    list.flatMap((action: DeclaredAction) => {
      const effect = readEffect(action, where, implementations, faults);
      return effect === undefined ? [] : [effect];
    }),
  );
}

function readEffect(
  action: DeclaredAction,
  where: string,
  implementations: Readonly<Record<string, unknown>>,
  faults: Faults,
): Effect | undefined {
  const name = actionName(action);
  const implementation = typeof action === 'function' ? action : implementations[name];
  if (isAssign(implementation)) {
    faults.add(
      'FAULT_ASSIGN',
      `assign() ${where}: a lifecycle never changes its context. Write the column in the same transaction instead.`,
      { where },
    );
    return undefined;
  }
  if (typeof action === 'function' || !isEffectName(name) || isBuiltIn(implementation)) {
    faults.add(
      'FAULT_UNKNOWN_ACTION',
      `Action '${name}' ${where} is not an effect. Use usage, alert or action; do other work in a subscriber.`,
      { action: name, where },
    );
    return undefined;
  }
  const params = (action as { params?: unknown }).params;
  const fault = paramsFault(params);
  if (fault !== undefined) {
    faults.add(
      'FAULT_EFFECT_PARAMS',
      `Effect '${name}' ${where} ${fault}. Write { type: '${name}', params: { type: 'SOME.TYPE' } }.`,
      { effect: name, where },
    );
    return undefined;
  }
  const { type, data } = params as { type: string; data?: JsonObject };
  const typeFault = eventNameFault(type);
  if (typeFault !== undefined) {
    faults.add('FAULT_NAME', `The event type '${type}' ${where} ${typeFault}.`, { type, where });
    return undefined;
  }
  return Object.freeze({
    category: effectCategories[name],
    type,
    ...(data === undefined ? {} : { data: freezeJson(structuredClone(data)) }),
  });
}

function actionName(action: DeclaredAction): string {
  if (typeof action === 'string') return action;
  const named = action as { type?: unknown; name?: unknown };
  if (typeof named.type === 'string') return named.type;
  return typeof named.name === 'string' && named.name !== '' ? named.name : '(inline function)';
}

function isEffectName(name: string): name is EffectName {
  return Object.hasOwn(effectCategories, name);
}

function isAssign(implementation: unknown): boolean {
  return (
    typeof implementation === 'function' &&
    (implementation as { type?: unknown }).type === assignType
  );
}

// raise(), sendTo(), enqueueActions() and the like behind the name of an effect would never run.
function isBuiltIn(implementation: unknown): boolean {
  return typeof implementation === 'function' && 'resolve' in implementation;
}

function paramsFault(params: unknown): string | undefined {
  if (typeof params === 'function') return 'computes its params; effects are static';
  if (typeof params !== 'object' || params === null) return 'has no params';
  const { type, data, ...rest } = params as { type?: unknown; data?: unknown };
  if (typeof type !== 'string') return 'has no type in its params';
  const [extra] = Object.keys(rest);
  if (extra !== undefined) return `has a param '${extra}' besides type and data`;
  if (data === undefined) return undefined;
  return isJsonObject(data) ? undefined : 'has data that is not a JSON object';
}

function isJsonObject(value: unknown): value is JsonObject {
  try {
    assertPlainJson(value, 'data');
  } catch {
    return false;
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function freezeJson<T extends JsonValue>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(freezeJson);
    Object.freeze(value);
  }
  return value;
}
