import { graphOf } from './graph-of.js';
import type { DrawnMachine } from './graph.js';
import { mermaidText } from './mermaid-text.js';
import type { DiagramOptions } from './options.js';

/**
 * Draws a lifecycle as a Mermaid state diagram, for Markdown pages. Pure; ends with a line break. Names
 * may hold anything: what Mermaid would take for syntax or HTML is escaped. Throws ConfigurationError
 * ARGUMENT_INVALID when `options.around` or `highlight` names an unknown state.
 *
 * @example
 * ```ts
 * await writeFile('volume.md', `\`\`\`mermaid\n${mermaid(volume)}\`\`\`\n`);
 * ```
 */
export function mermaid(lifecycle: DrawnMachine, options: DiagramOptions = {}): string {
  return mermaidText(graphOf(lifecycle, options));
}
