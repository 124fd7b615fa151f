import { graphOf } from './graph-of.js';
import type { DrawnMachine } from './graph.js';
import type { DiagramOptions } from './options.js';
import { terminalText } from './terminal-text.js';

/**
 * Draws a lifecycle for a terminal: the states as a tree, each with the arrows that leave it. Pure; ends
 * with a line break. Throws ConfigurationError ARGUMENT_INVALID when `options.around` or `highlight`
 * names an unknown state.
 *
 * @example
 * ```ts
 * console.log(text(volume, { around: { state: 'Ready' } }));
 * ```
 */
export function text(lifecycle: DrawnMachine, options: DiagramOptions = {}): string {
  return terminalText(graphOf(lifecycle, options));
}
