/** Characters of somebody else's text that a message repeats. */
const mostRepeated = 200;

/**
 * Pure. A text of somebody else as a message repeats it: whole when it is short, else its beginning with
 * its length.
 */
export function clipped(text: string): string {
  return text.length <= mostRepeated
    ? text
    : `${text.slice(0, mostRepeated)}… (${text.length} characters)`;
}

/** Pure. The same for a value of any kind: what is no text is named by its kind. */
export function clippedValue(value: unknown): string {
  if (typeof value === 'string') return clipped(value);
  if (value === null || ['number', 'boolean', 'undefined', 'bigint'].includes(typeof value)) {
    return String(value);
  }
  return Array.isArray(value) ? 'a list' : `an ${typeof value}`.replace('an f', 'a f');
}
