/** Pure. Percent-encodes a text; half a character becomes the replacement character. */
export function percentEncode(text: string): string {
  return encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, '\uFFFD'));
}
