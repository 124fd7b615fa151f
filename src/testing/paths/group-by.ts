/** The values by what `keyOf` says of each, both in their order. Pure. (Node 20 has no Map.groupBy.) */
export function groupBy<TKey, T>(
  values: readonly T[],
  keyOf: (value: T) => TKey,
): ReadonlyMap<TKey, readonly T[]> {
  const groups = new Map<TKey, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}
