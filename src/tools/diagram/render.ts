import type { DrawnMachine, Graph } from './graph.js';
import { dotText } from './dot-text.js';
import { graphOf } from './graph-of.js';
import { json } from './json.js';
import { mermaidText } from './mermaid-text.js';
import type { DiagramOptions } from './options.js';
import { plantumlText } from './plantuml-text.js';
import { scxml } from './scxml.js';
import { svgText } from './svg-text.js';
import { terminalText } from './terminal-text.js';

/** The formats that show a picture. */
export const pictureFormats = [
  'mermaid',
  'dot',
  'plantuml',
  'svg',
] as const satisfies readonly PictureFormat[];

/** A format that shows a picture. */
export type PictureFormat = 'mermaid' | 'dot' | 'plantuml' | 'svg';

/** Every format of a lifecycle. */
export const diagramFormats = [
  ...pictureFormats,
  'text',
  'scxml',
  'json',
] as const satisfies readonly DiagramFormat[];

/** A format of a lifecycle. */
export type DiagramFormat = PictureFormat | 'text' | 'scxml' | 'json';

/**
 * A lifecycle in any format, ending with a line break. Rejects as the function of that format throws.
 * SCXML and JSON hold the whole machine, whatever the options say.
 */
export async function diagram(
  machine: DrawnMachine,
  format: DiagramFormat,
  options: DiagramOptions = {},
): Promise<string> {
  if (format === 'scxml') return scxml(machine);
  if (format === 'json') return `${JSON.stringify(json(machine), null, 2)}\n`;
  const graph = graphOf(machine, options);
  return format === 'text' ? terminalText(graph) : renderGraph(graph, format);
}

/** A graph in a format that shows a picture. */
export async function renderGraph(graph: Graph, format: PictureFormat): Promise<string> {
  switch (format) {
    case 'mermaid':
      return mermaidText(graph);
    case 'dot':
      return dotText(graph);
    case 'plantuml':
      return plantumlText(graph);
    case 'svg':
      return svgText(graph);
  }
}
