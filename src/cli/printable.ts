// Control characters, and the marks that turn the direction of text around.
const unprintable = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Pure. The text on one line, each control character as its escape (`\u001b`): what comes from other
 * programs must not move the cursor, hide lines or retitle the window of whoever reads it.
 */
export function printable(text: string): string {
  return text.replace(unprintable, escapeOf);
}

/** Pure. The same, but lines stay lines. */
export function printableLines(text: string): string {
  return text.replace(unprintable, (character) =>
    character === '\n' ? character : escapeOf(character),
  );
}

function escapeOf(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
