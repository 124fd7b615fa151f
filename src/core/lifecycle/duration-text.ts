const units = [
  ['d', 24 * 60 * 60 * 1000],
  ['h', 60 * 60 * 1000],
  ['min', 60 * 1000],
  ['s', 1000],
  ['ms', 1],
] as const;

/** Milliseconds for a reader, in the largest unit that divides them: `90 min`, `250 ms`. Pure. */
export function durationText(milliseconds: number): string {
  const [unit, size] = units.find(([, length]) => milliseconds % length === 0) ?? ['ms', 1];
  return `${milliseconds / size} ${unit}`;
}
