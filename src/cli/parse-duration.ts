import { InvalidArgumentError } from 'commander';

const units: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  min: 60 * 1000,
  m: 60 * 1000,
  h: 60 * 60 * 1000,
  d: 24 * 60 * 60 * 1000,
};

/** Milliseconds of `250ms`, `90s`, `30min` (or `30m`), `4h`, `1d`. Pure. Throws for anything else. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?) ?([a-z]+)$/.exec(text) ?? [];
  const size = units[unit ?? ''];
  if (amount === undefined || size === undefined) {
    throw new InvalidArgumentError('Give a duration such as 250ms, 90s, 30min, 4h or 1d.');
  }
  return Number(amount) * size;
}
