import { dotText } from './dot-text.js';
import { graphOf } from './graph-of.js';
import type { DrawnMachine } from './graph.js';
import type { DiagramOptions } from './options.js';

/**
 * Draws a lifecycle in Graphviz's DOT language. Pure; ends with a line break. Names may hold anything.
 * Throws ConfigurationError ARGUMENT_INVALID when `options.around` or `highlight` names an unknown state.
 *
 * @example
 * ```ts
 * await writeFile('volume.dot', dot(volume)); // then: dot -Tsvg volume.dot
 * ```
 */
export function dot(lifecycle: DrawnMachine, options: DiagramOptions = {}): string {
  return dotText(graphOf(lifecycle, options));
}
