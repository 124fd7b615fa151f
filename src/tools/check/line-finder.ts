import type { Place } from './finding.js';

/**
 * Tells which line of a source declares a place, as well as can be told without parsing it: a line
 * that names state, event and target together, else the first that names the event after the key of
 * the state, else that of the state, else the first line. Where a source declares several resources by
 * their keys, only what follows the key of the resource counts. Pure; never throws.
 */
export function lineFinder(source: string): (place: Place) => number {
  const lines = source.split('\n');
  return ({ resource, state, event, to }) => {
    const first = (from: number, holds: (line: string) => boolean): number =>
      lines.findIndex((line, index) => index >= from && holds(line));
    const start = Math.max(
      0,
      first(0, (line) => declares(line, resource)),
    );
    const words = [state, event, to].filter((word) => word !== undefined);
    if (words.length === 3) {
      const all = first(start, (line) => words.every((word) => names(line, word)));
      if (all >= 0) return all + 1;
    }
    const key = state?.split('.').at(-1) ?? '';
    const declared = Math.max(
      start,
      first(start, (line) => declares(line, key)),
    );
    if (event === undefined) return declared + 1;
    const mentioned = first(declared, (line) => names(line, event));
    return Math.max(declared, mentioned) + 1;
  };
}

function names(line: string, word: string): boolean {
  return new RegExp(`(?<![\\w.])${escape(word)}(?![\\w.])`).test(line);
}

function declares(line: string, key: string): boolean {
  if (key === '') return false;
  const name = escape(key);
  return new RegExp(`(?<![\\w.])['"]?${name}['"]?\\s*:|"name"\\s*:\\s*"${name}"`).test(line);
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
