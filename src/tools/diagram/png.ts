import { ConfigurationError } from '../../core/errors/errors.js';
import { graphOf } from './graph-of.js';
import type { DrawnMachine } from './graph.js';
import type { DiagramOptions } from './options.js';
import { svgText } from './svg-text.js';

/** How a lifecycle is drawn as PNG. */
export interface PngOptions extends DiagramOptions {
  /** Pixels for one of the SVG. Default 2, for screens of high density. */
  readonly scale?: number;
}

/**
 * Draws a lifecycle as a PNG picture, with the fonts of the computer: one without fonts draws no text.
 * Needs the optional packages `@hpcc-js/wasm-graphviz` and `@resvg/resvg-js`. Rejects with
 * ConfigurationError: DRIVER_MISSING without one of them, ARGUMENT_INVALID when `options.around` or
 * `highlight` names an unknown state.
 *
 * @example
 * ```ts
 * await writeFile('volume.png', await png(volume, { theme: 'dark' }));
 * ```
 */
export async function png(lifecycle: DrawnMachine, options: PngOptions = {}): Promise<Uint8Array> {
  const { scale = 2, ...look } = options;
  return pngOf(await svgText(graphOf(lifecycle, look)), scale);
}

/** An SVG of ours as PNG. */
export async function pngOf(picture: string, scale = 2): Promise<Uint8Array> {
  const { Resvg } = await loadResvg();
  const resvg = new Resvg(picture, {
    fitTo: { mode: 'zoom', value: scale },
    font: { loadSystemFonts: true, defaultFontFamily: 'DejaVu Sans' },
  });
  return resvg.render().asPng();
}

async function loadResvg(): Promise<typeof import('@resvg/resvg-js')> {
  try {
    return await import('@resvg/resvg-js');
  } catch (cause) {
    throw new ConfigurationError(
      'DRIVER_MISSING',
      'PNG needs the package @resvg/resvg-js. Install it with `npm install --save-dev @resvg/resvg-js`; SVG does not need it.',
      { parameters: { package: '@resvg/resvg-js' }, cause },
    );
  }
}
