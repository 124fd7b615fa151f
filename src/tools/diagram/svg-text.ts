import { ConfigurationError } from '../../core/errors/errors.js';
import { dotText } from './dot-text.js';
import type { Graph, GraphState } from './graph.js';
import { visible, xmlText } from './xml-text.js';

type GraphvizModule = typeof import('@hpcc-js/wasm-graphviz');

/**
 * A graph as SVG, laid out by Graphviz in WebAssembly. Rejects with ConfigurationError DRIVER_MISSING
 * where `@hpcc-js/wasm-graphviz` is not installed.
 */
export async function svgText(graph: Graph): Promise<string> {
  const { Graphviz } = await loadGraphviz();
  const graphviz = await Graphviz.load();
  return accessible(graphviz.dot(dotText(graph), 'svg'), graph);
}

async function loadGraphviz(): Promise<GraphvizModule> {
  try {
    return await import('@hpcc-js/wasm-graphviz');
  } catch (cause) {
    throw new ConfigurationError(
      'DRIVER_MISSING',
      'SVG needs the package @hpcc-js/wasm-graphviz. Install it with `npm install --save-dev @hpcc-js/wasm-graphviz`; the text formats need nothing.',
      { parameters: { package: '@hpcc-js/wasm-graphviz' }, cause },
    );
  }
}

// Graphviz writes the ids of nodes as titles, which a screen reader would read out and a pointer show.
function accessible(drawn: string, graph: Graph): string {
  const names = new Map(graph.states.map((state) => [state.id, state]));
  return drawn
    .replace(/^[\s\S]*?(?=<svg)/u, '')
    .replace(/<svg width="([\d.]+)pt" height="([\d.]+)pt"/u, (_, width: string, height: string) =>
      [
        `<svg role="img" aria-labelledby="signalbox-title signalbox-description"`,
        `width="${width}" height="${height}" style="max-width:100%;height:auto"`,
      ].join(' '),
    )
    .replace(/(<svg[^>]*>)/u, (open: string) =>
      [
        open,
        `<title id="signalbox-title">${xmlText(graph.title)}</title>`,
        `<desc id="signalbox-description">${xmlText(graph.summary)}</desc>`,
      ].join('\n'),
    )
    .replaceAll(/<!--[\s\S]*?-->\n?/gu, '')
    .replaceAll(/<title>([^<]*)<\/title>\n?/gu, (_, title: string) => {
      const state = names.get(title.replace(/^cluster_/u, ''));
      return state === undefined ? '' : `<title>${xmlText(titleOf(state))}</title>\n`;
    })
    .replaceAll(/font-family="[^"]*"/gu, 'font-family="Helvetica,Arial,sans-serif"')
    .replaceAll(/ xlink:title="[^"]*"/gu, '');
}

function titleOf({ path, tags, kind, description }: GraphState): string {
  const facts = [...tags, ...(kind === 'final' ? ['final'] : [])];
  const head = facts.length === 0 ? path : `${path} (${facts.join(', ')})`;
  return visible(description === undefined ? head : `${head}: ${description}`);
}
