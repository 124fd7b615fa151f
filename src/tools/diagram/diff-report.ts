import { markdownTable, markdownText } from '../markdown/markdown.js';
import { diffGraph } from './diff-graph.js';
import type { LifecycleDiff } from './lifecycle-diff.js';
import type { ChangeClass } from './lifecycle-change.js';
import { mermaidText } from './mermaid-text.js';

const headings: Readonly<Record<ChangeClass, string>> = {
  breaking: 'Breaking: callers or subscribers must change',
  migration: 'Needs migration: rows must be looked at first',
  compatible: 'Compatible',
};

const order: readonly ChangeClass[] = ['breaking', 'migration', 'compatible'];

/** A difference as text for a terminal, the gravest first. Pure; ends with a line break. */
export function diffText(diff: LifecycleDiff): string {
  return [
    headOf(diff),
    ...order.flatMap((one) => {
      const changes = diff.changes.filter((change) => change.class === one);
      return changes.length === 0
        ? []
        : ['', `${headings[one]}:`, ...changes.map(({ message }) => `  ${message}`)];
    }),
    '',
  ].join('\n');
}

/** A difference as a Markdown page with a picture. Pure; ends with a line break. */
export function diffMarkdown(diff: LifecycleDiff): string {
  return [
    `# ${markdownText(diff.resource)}, version ${diff.from.version} to ${diff.to.version}`,
    '',
    headOf(diff),
    '',
    ...order.flatMap((one) => {
      const changes = diff.changes.filter((change) => change.class === one);
      if (changes.length === 0) return [];
      const rows = changes.map(({ part, change, name, message }) => [part, change, name, message]);
      return [
        `## ${headings[one]}`,
        '',
        ...markdownTable(['part', 'change', 'name', 'what it means'], rows),
        '',
      ];
    }),
    '```mermaid',
    mermaidText(diffGraph(diff)).trimEnd(),
    '```',
    '',
  ].join('\n');
}

function headOf({ resource, from, to, class: found, changes }: LifecycleDiff): string {
  if (changes.length === 0) return `${resource}: no difference.`;
  return `${resource}, version ${from.version} to ${to.version}: ${changes.length} changes, ${found === 'migration' ? 'needs migration' : found}.`;
}
