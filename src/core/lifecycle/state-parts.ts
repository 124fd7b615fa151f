/** The states of a parallel machine as columns hold them, one for each region. */
export interface StateParts {
  /** The regions, in the order of the machine. */
  readonly regions: readonly string[];
  /** Every value that a region can have, in the order of the regions. */
  readonly values: readonly (readonly string[])[];
  /**
   * Splits a state into the values of its regions' columns: the dotted path within the region, or its
   * state value as JSON where it has regions itself. Also of what `join` makes of values that no state
   * has.
   */
  split(state: string): readonly string[];
  /** The state of these values; text that no state has where the machine does not combine them. */
  join(values: readonly string[]): string;
}

/** The regions of a machine whose states all are JSON of the same keys; undefined for any other. Pure. */
export function stateParts(states: readonly string[]): StateParts | undefined {
  const [first] = states;
  if (first?.startsWith('{') !== true) return undefined;
  const regions = Object.keys(JSON.parse(first) as object);
  const byState = new Map<string, readonly string[]>();
  const byValues = new Map<string, string>();
  for (const state of states) {
    if (!state.startsWith('{')) return undefined;
    const value = JSON.parse(state) as Readonly<Record<string, unknown>>;
    // A compound machine with parallel states in it has no regions of its own.
    if (Object.keys(value).join('\n') !== regions.join('\n')) return undefined;
    const values = regions.map((region) => dotted(value[region]) ?? JSON.stringify(value[region]));
    byState.set(state, values);
    byValues.set(values.join('\n'), state);
  }
  if (regions.length < 2) return undefined;
  return {
    regions,
    values: regions.map((_, index) => [
      ...new Set([...byState.values()].map((values) => values[index] ?? '')),
    ]),
    split: (state) => {
      const known = byState.get(state);
      if (known !== undefined) return known;
      const value = Object(JSON.parse(state)) as Readonly<Record<string, unknown>>;
      return regions.map((region) => String(value[region]));
    },
    join: (values) =>
      byValues.get(values.join('\n')) ??
      JSON.stringify(Object.fromEntries(regions.map((region, index) => [region, values[index]]))),
  };
}

function dotted(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const [entry, ...others] = Object.entries(Object(value) as object) as [string, unknown][];
  if (entry === undefined || others.length > 0) return undefined;
  const inner = dotted(entry[1]);
  return inner === undefined ? undefined : `${entry[0]}.${inner}`;
}

/**
 * The dotted paths of the regions in which two states differ, in the order of the machine. Pure. None
 * where the states are not of parallel regions, and none for those of a compound state that was entered or
 * left whole.
 */
export function movedRegions(old: string | null, next: string | null): readonly string[] {
  if (old?.startsWith('{') !== true || next?.startsWith('{') !== true) return [];
  return moved(JSON.parse(old), JSON.parse(next), '');
}

function moved(old: unknown, next: unknown, path: string): readonly string[] {
  if (!isObject(old) || !isObject(next)) return [];
  const keys = Object.keys(old);
  if (keys.join('\n') !== Object.keys(next).join('\n')) return [];
  const parallel = keys.length > 1;
  return keys.flatMap((key) => {
    if (JSON.stringify(old[key]) === JSON.stringify(next[key])) return [];
    const inner = path === '' ? key : `${path}.${key}`;
    const deeper = moved(old[key], next[key], inner);
    return deeper.length === 0 && parallel ? [inner] : deeper;
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
