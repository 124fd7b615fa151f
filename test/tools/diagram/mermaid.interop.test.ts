import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBalancer } from '../../../examples/load-balancer.js';
import { machines, volume } from '../../../machines/index.js';
import { checkLifecycle } from '../../../src/tools/check/index.js';
import { traceDiagram } from '../../../src/tools/check/report-markdown.js';
import { diffDiagram } from '../../../src/tools/diagram/diff-diagram.js';
import { graphOf } from '../../../src/tools/diagram/graph-of.js';
import { labelText, signOf } from '../../../src/tools/diagram/graph.js';
import { diffLifecycles } from '../../../src/tools/diagram/lifecycle-diff.js';
import { mermaid } from '../../../src/tools/diagram/mermaid.js';
import type { DiagramOptions } from '../../../src/tools/diagram/options.js';
import { describeLifecycle } from '../../../src/core/lifecycle/describe-lifecycle.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { realLifecycles } from '../../fixtures/lifecycles/index.js';
import { tiny } from '../check/tiny.js';
import { readStateDiagram } from '../../interop/mermaid.mjs';
import { asDrawn, hostileLifecycle, hostileNames, type HostileNames } from './hostile-lifecycle.js';

const looks: readonly DiagramOptions[] = [
  {},
  { direction: 'right', theme: 'dark', selfLoops: 'arrows' },
  { effects: false, guards: false, deadlines: false, tags: false },
];

const blankAtTheEdges: HostileNames = {
  resource: ' "',
  states: [' a', 'b ', '/', '$'],
  event: ' "',
  effect: '" ',
  guard: '\n',
  tag: '\n',
  description: ' "',
};

const isState = (id: string): boolean => /^s\d+$/u.test(id);

/** Holds that Mermaid reads the states and transitions that were to be drawn, name by name. */
async function expectReadAsDrawn(lifecycle: AnyLifecycle, look: DiagramOptions): Promise<void> {
  const graph = graphOf(lifecycle, look);
  const { title, nodes, edges } = await readStateDiagram(mermaid(lifecycle, look));
  // Mermaid cuts the spaces around a title and a label, which nobody can see.
  expect(title.trim()).toBe(asDrawn(graph.title).trim());
  const names = new Map(nodes.map(({ id, lines }) => [id, lines[0]]));
  for (const { id, name, mark, tags, children } of graph.states) {
    const told = children.length > 0 && tags.length > 0 ? ` (${tags.join(', ')})` : '';
    expect(names.get(id)?.trim()).toBe(asDrawn(`${signOf(mark)}${name}${told}`).trim());
  }
  expect(nodes.filter(({ id }) => isState(id) && id !== graph.root.id)).toHaveLength(
    graph.states.length,
  );
  expect(
    edges
      .filter(({ from, to }) => isState(from) && isState(to))
      .map(({ from, to, labels }) => [from, to, ...labels.map((label) => label.trim())]),
  ).toEqual(
    graph.edges.map(({ from, to, labels }) => [
      from.id,
      to.id,
      ...labels.map((label) => asDrawn(labelText(label)).trim()),
    ]),
  );
}

describe("Mermaid's own parser", () => {
  it.each(
    [...machines, loadBalancer, ...realLifecycles].map(
      (machine) => [machine.resource, machine] as const,
    ),
  )('reads every state and transition in every look: %s', async (_, lifecycle) => {
    for (const look of looks) await expectReadAsDrawn(lifecycle, look);
  });

  it('reads every state and transition whatever the names hold', async () => {
    await fc.assert(
      fc.asyncProperty(hostileNames, (names) => expectReadAsDrawn(hostileLifecycle(names), {})),
      { numRuns: 60, examples: [[blankAtTheEdges]] },
    );
  });

  it('reads what changed between two versions', async () => {
    const before = describeLifecycle(volume);
    const after = {
      ...before,
      version: 2,
      transitions: before.transitions.filter(({ to }) => to !== 'Attaching'),
    };
    const { nodes, edges } = await readStateDiagram(
      await diffDiagram(diffLifecycles(before, after), 'mermaid'),
    );
    expect(nodes.filter(({ id }) => isState(id))).toHaveLength(before.states.length);
    expect(edges.flatMap(({ labels }) => labels)).toContain('− AttachRequested');
  });

  it('reads a counter-example whatever the names hold', async () => {
    const { findings } = checkLifecycle(tiny('a b!', ['a Go b +VM.START']), {
      meters: [{ name: 'm', starts: ['VM.START'], stops: ['VM.STOP'] }],
    });
    const trace = findings.find((finding) => finding.trace !== undefined)?.trace ?? [];
    const { edges } = await readStateDiagram(traceDiagram(trace).join('\n'));
    expect(edges.map(({ labels }) => labels.join(''))).toEqual(['1. creation', '2. Go [VM.START]']);
    await fc.assert(
      fc.asyncProperty(hostileNames, async ({ states: [from = '', to = ''], event }) => {
        const read = await readStateDiagram(traceDiagram([{ from, event, to }]).join('\n'));
        expect(read.nodes.map(({ lines }) => lines[0]?.trim())).toEqual([
          asDrawn(from).trim(),
          asDrawn(to).trim(),
        ]);
      }),
      {
        numRuns: 50,
        examples: [[{ ...blankAtTheEdges, states: ['"', '"\u2000"'] }]],
      },
    );
  });
});
