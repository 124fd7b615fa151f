const named: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/**
 * Pure. Text for an XML element or a quoted attribute. White space becomes single spaces; what XML 1.0
 * cannot hold at all (control characters, halves of surrogate pairs) becomes U+FFFD.
 */
export function xmlText(text: string): string {
  return visible(text).replaceAll(/[&<>"']/gu, (character) => named[character] ?? character);
}

/** Pure. A text on one line, without characters that no format can hold. */
export function visible(text: string): string {
  return text.replaceAll(/\s+/gu, ' ').replaceAll(/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu, '\uFFFD');
}
