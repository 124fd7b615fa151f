/** A length of time; its parts are added up. A plain number counts milliseconds. */
export type Duration =
  | number
  | {
      readonly days?: number;
      readonly hours?: number;
      readonly minutes?: number;
      readonly seconds?: number;
      readonly milliseconds?: number;
    };

const units = {
  days: 24 * 60 * 60 * 1000,
  hours: 60 * 60 * 1000,
  minutes: 60 * 1000,
  seconds: 1000,
  milliseconds: 1,
} as const;

/**
 * A duration in milliseconds. Pure. Throws RangeError for a unit that does not exist, and for a length
 * that is negative or not a finite number: virtual time never runs backwards.
 */
export function millisecondsOf(duration: Duration): number {
  const total = typeof duration === 'number' ? duration : sumOf(duration);
  if (!Number.isFinite(total) || total < 0) {
    throw new RangeError(
      `A duration is a number of milliseconds from 0, or { ${Object.keys(units).join(', ')} }.`,
    );
  }
  return total;
}

function sumOf(duration: Exclude<Duration, number>): number {
  return Object.entries(duration).reduce((sum, [unit, amount]) => {
    const size = Object.hasOwn(units, unit) ? units[unit as keyof typeof units] : Number.NaN;
    return sum + size * amount;
  }, 0);
}
