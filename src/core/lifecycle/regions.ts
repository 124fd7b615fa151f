import type { AnyLifecycle } from './lifecycle.js';

/**
 * Makes a function that tells the states of the regions which a state is made of: `power.Running` and
 * `provisioning.Succeeded` of `{"power":"Running","provisioning":"Succeeded"}`. A state without regions is
 * the only part of itself, and so is an unknown one. Pure.
 */
export function partsOf({
  regions,
}: Pick<AnyLifecycle, 'regions'>): (state: string) => readonly string[] {
  const named = regions.map(({ path, states }) => ({
    inside: path === '' ? '' : `${path}.`,
    names: new Set(states.map(({ name }) => name)),
  }));
  return (state) => {
    const paths = pathsOf(state);
    if (paths === undefined) return [state];
    const parts = named.flatMap(({ inside, names }) => {
      const part = paths.find((path) => path.startsWith(inside) && names.has(path));
      return part === undefined ? [] : [part];
    });
    return parts.length === 0 ? [state] : parts;
  };
}

/** A state for a reader: `power.Running, provisioning.Succeeded` of one with regions, else its name. Pure. */
export function stateText(state: string): string {
  const paths = pathsOf(state) ?? [state];
  return paths.filter((path) => !paths.some((other) => other.startsWith(`${path}.`))).join(', ');
}

type StateValue = string | { readonly [key: string]: StateValue };

/** Every path in the name of a state with regions; undefined for any other. */
function pathsOf(state: string): readonly string[] | undefined {
  if (!state.startsWith('{')) return undefined;
  try {
    return pathsIn(JSON.parse(state) as StateValue, []);
  } catch {
    return undefined;
  }
}

function pathsIn(value: StateValue, around: readonly string[]): readonly string[] {
  if (typeof value === 'string') return [[...around, value].join('.')];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = [...around, key];
    return [path.join('.'), ...pathsIn(inner, path)];
  });
}
