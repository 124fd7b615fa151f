import type { ResourceBinding } from '../resource/binding.js';
import { databaseValue, propertyValue } from './driver-values.js';

/** The state that an entity's properties hold; undefined where one of them is absent. */
export function stateOfEntity({ state }: ResourceBinding, entity: object): unknown {
  return joined(
    state,
    state.columns.map(({ metadata }): unknown => metadata.getEntityValue(entity)),
  );
}

/** Sets the properties that hold the state. What is no text is set as it is, where one column holds it. */
export function writeState({ state }: ResourceBinding, entity: object, value: unknown): void {
  const values = state.parts === undefined ? [value] : splitState(state, value);
  state.columns.forEach(({ metadata }, index) => metadata.setEntityValue(entity, values[index]));
}

/** Returns the values that the driver binds for a state, by column. */
export function stateValues({ state }: ResourceBinding, value: string): readonly unknown[] {
  const values = state.parts === undefined ? [value] : splitState(state, value);
  return state.columns.map((column, index) => databaseValue(column, values[index]));
}

/** The state that a driver's values mean, by column; null where one column holds it and is NULL. */
export function stateOfValues(
  { state }: Pick<ResourceBinding, 'state'>,
  raw: readonly unknown[],
): unknown {
  return joined(
    state,
    state.columns.map((column, index) => propertyValue(column, raw[index])),
  );
}

/** The names under which the state's columns are selected, in their order. */
export function stateNames({ state }: ResourceBinding): readonly string[] {
  return state.columns.map((_, index) =>
    index === 0 ? 'signalbox_state' : `signalbox_state_${index}`,
  );
}

/** The properties that hold the state, for messages. */
export function stateProperty({ state }: ResourceBinding): string {
  return state.columns.map(({ property }) => property).join(', ');
}

function joined({ parts }: ResourceBinding['state'], values: readonly unknown[]): unknown {
  if (parts === undefined) return values[0];
  return values.includes(undefined) ? undefined : parts.join(values.map(String));
}

function splitState(
  { parts, columns }: ResourceBinding['state'],
  value: unknown,
): readonly unknown[] {
  return typeof value === 'string' && parts !== undefined
    ? parts.split(value)
    : columns.map(() => value);
}
