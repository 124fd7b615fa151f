import { InvalidArgumentError } from 'commander';

/** Reads a whole number of at least 1. Throws InvalidArgumentError. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new InvalidArgumentError('Give a whole number of at least 1.');
  }
  return value;
}

/**
 * Gathers the values of an option that may be repeated. One value each time: an option that takes
 * several at once would swallow the arguments behind it.
 */
export function repeated(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** A port from 0 to 65535. Throws for anything else. */
export function portNumber(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  throw new InvalidArgumentError('Give a port from 0 to 65535.');
}
