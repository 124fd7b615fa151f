/**
 * Pure. A name as a key that AsyncAPI, JSON pointers and file names all take: letters, digits, dots and
 * dashes stay, any other character becomes its code point in hexadecimal between underscores. Different
 * names never get the same key.
 */
export function documentKey(name: string): string {
  return Array.from(name, (character) =>
    /[A-Za-z0-9.-]/.test(character) ? character : `_${character.codePointAt(0)?.toString(16)}_`,
  ).join('');
}
