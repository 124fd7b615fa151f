/**
 * Pure. Whether a text matches a pattern of the shell, as Python's `fnmatchcase` does: `*` is any text,
 * `?` one character, `[a-z]` one of a set, `[!a-z]` one outside it; a `[` without its `]` is itself.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  const characters = Array.from(pattern);
  let source = '';
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? '';
    const set = character === '[' ? setAt(characters, index) : undefined;
    if (set !== undefined) {
      source += set.source;
      index = set.end;
    } else if (character === '*') source += '.*';
    else source += character === '?' ? '.' : escaped(character);
  }
  const expression = new RegExp(`^(?:${source})$`, 'su');
  return (text) => expression.test(text);
}

/** Undefined for a bracket that is not closed. */
function setAt(
  characters: readonly string[],
  open: number,
): { readonly source: string; readonly end: number } | undefined {
  const negated = characters[open + 1] === '!';
  const first = open + (negated ? 2 : 1);
  // The first may be the bracket itself.
  const end = characters.indexOf(']', first + 1);
  if (end === -1) return undefined;
  const ranges: string[] = [];
  for (let index = first; index < end; index += 1) {
    const low = characters[index] ?? '';
    const high = characters[index + 2] ?? '';
    const isRange = characters[index + 1] === '-' && index + 2 < end;
    if (!isRange) ranges.push(escaped(low));
    else if (codePoint(low) <= codePoint(high)) ranges.push(`${escaped(low)}-${escaped(high)}`);
    if (isRange) index += 2;
  }
  if (ranges.length === 0) return { source: negated ? '.' : '(?!)', end };
  return { source: `[${negated ? '^' : ''}${ranges.join('')}]`, end };
}

function codePoint(character: string): number {
  return character.codePointAt(0) ?? 0;
}

function escaped(character: string): string {
  return `\\u{${codePoint(character).toString(16)}}`;
}
