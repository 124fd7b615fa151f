import { JSDOM } from 'jsdom';

// Mermaid cleans texts with DOMPurify, which looks for a window when it is loaded.
const { window } = new JSDOM('');
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import('mermaid');
// The first parse registers the kinds of diagrams.
await mermaid.parse('stateDiagram-v2');

/** Mermaid keeps a character code that it read in this form until it draws. */
function drawn(text) {
  return text.replaceAll(/ﬂ°°(\d+)¶ß/gu, (_, code) => String.fromCodePoint(Number(code)));
}

/** Reads a state diagram as Mermaid does before it lays it out. Rejects where Mermaid refuses it. */
export async function readStateDiagram(text) {
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
  const { nodes, edges } = db.getData();
  return {
    title: drawn(db.getAccTitle()),
    nodes: nodes.map(({ id, label, description, parentId }) => ({
      id,
      lines: [label, description ?? []].flat().map((line) => drawn(line)),
      parent: parentId,
    })),
    edges: edges.map(({ start, end, label }) => ({
      from: start,
      to: end,
      labels: (label ?? '').split(/<br\s*\/?>/u).map((line) => drawn(line)),
    })),
  };
}
