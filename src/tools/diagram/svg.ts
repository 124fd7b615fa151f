import { graphOf } from './graph-of.js';
import type { DrawnMachine } from './graph.js';
import type { DiagramOptions } from './options.js';
import { svgText } from './svg-text.js';

/**
 * Draws a lifecycle as an SVG picture with a title, a description and a tooltip for each state. Laid
 * out by Graphviz in WebAssembly: no browser, nothing to install but the optional package
 * `@hpcc-js/wasm-graphviz`. The same lifecycle, options and version of that package give the same
 * text. Rejects with ConfigurationError: DRIVER_MISSING without that package, ARGUMENT_INVALID when
 * `options.around` or `highlight` names an unknown state.
 *
 * @example
 * ```ts
 * await writeFile('volume.svg', await svg(volume, { theme: 'dark' }));
 * ```
 */
export async function svg(lifecycle: DrawnMachine, options: DiagramOptions = {}): Promise<string> {
  return svgText(graphOf(lifecycle, options));
}
