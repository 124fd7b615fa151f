/**
 * Pure. A text for a name or a label of a Mermaid diagram: what Mermaid would take for syntax is
 * written as its character code, `#34;`. White space of any kind becomes single spaces, on one line.
 *
 * Letters, digits and plain punctuation stay, so that a diagram is legible as text. So do marks that
 * combine with a letter: as a code they would combine with Mermaid's syntax. An underscore stays inside
 * a word only: Mermaid reads labels as Markdown, where `_so_` is emphasis.
 */
export function escapeMermaid(text: string): string {
  return text
    .replaceAll(/\s+/gu, ' ')
    .replaceAll(
      /[^\p{L}\p{N}\p{M} .,()[\]/_-]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu,
      (character) => `#${character.codePointAt(0) ?? 32};`,
    );
}
