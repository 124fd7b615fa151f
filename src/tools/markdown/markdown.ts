/** Pure. Text that Markdown shows as it is: on one line, nothing in it is taken for markup. */
export function markdownText(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\\`*[\]<>|&~]/g, String.raw`\$&`)
    .replaceAll(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, String.raw`\_`);
}

/** Pure. A code span, also for text with backticks in it; good in a table cell too. */
export function markdownCode(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').replaceAll('|', String.raw`\|`);
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  const padded = /^[` ]|[` ]$/.test(line) ? ` ${line} ` : line;
  return `${fence}${padded}${fence}`;
}

/**
 * Pure. The lines of a table. Cells are text as it is; `{ markdown }` is put in unescaped. Every row
 * has as many cells as the head.
 */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly MarkdownCell[])[],
): readonly string[] {
  const row = (cells: readonly MarkdownCell[]): string =>
    `| ${cells.map((cell) => (typeof cell === 'string' ? markdownText(cell) : cell.markdown)).join(' | ')} |`;
  return [row(head), `| ${head.map(() => '---').join(' | ')} |`, ...rows.map(row)];
}

/** A cell of a table: text, or Markdown that was made by one of these functions. */
export type MarkdownCell = string | { readonly markdown: string };
