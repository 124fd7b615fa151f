import { Graphviz } from '@hpcc-js/wasm-graphviz';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { setup } from 'xstate';
import { loadBalancer } from '../../../examples/load-balancer.js';
import { machines } from '../../../machines/index.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { dotText } from '../../../src/tools/diagram/dot-text.js';
import { graphOf } from '../../../src/tools/diagram/graph-of.js';
import type { Graph, GraphState } from '../../../src/tools/diagram/graph.js';
import { png } from '../../../src/tools/diagram/png.js';
import { svg } from '../../../src/tools/diagram/svg.js';
import {
  boxOf,
  textRuns,
  type Box,
  type Layout,
  type LayoutObject,
} from '../../../src/tools/diagram/svg-layout.js';
import { text } from '../../../src/tools/diagram/text.js';
import {
  machineOf,
  machinesToTry,
  randomShape,
  timeToTry,
} from '../../core/lifecycle/random-machine.js';
import { realLifecycles } from '../../fixtures/lifecycles/index.js';
import { azureVirtualMachine } from '../../fixtures/lifecycles/azure-virtual-machine.js';
import { kubernetesPod } from '../../fixtures/lifecycles/kubernetes-pod.js';
import { largeLifecycle } from './large-machine.js';

let graphviz: Graphviz;
beforeAll(async () => {
  graphviz = await Graphviz.load();
});

const drawn: readonly AnyLifecycle[] = [...realLifecycles, ...machines, loadBalancer];
const byName = drawn.map((lifecycle) => [lifecycle.resource, lifecycle] as const);

function layoutOf(graph: Graph): Layout {
  return JSON.parse(graphviz.layout(dotText(graph), 'json', 'dot')) as Layout;
}

function named({ objects = [] }: Layout, name: string): LayoutObject | undefined {
  return objects.find((object) => object.name === name);
}

function contains(outer: Box, inner: Box): boolean {
  const slack = 0.5;
  return (
    inner.x >= outer.x - slack &&
    inner.y >= outer.y - slack &&
    inner.x + inner.width <= outer.x + outer.width + slack &&
    inner.y + inner.height <= outer.y + outer.height + slack
  );
}

/** The states around a state, itself first. */
function around(state: GraphState): readonly GraphState[] {
  return state.parent === undefined ? [state] : [state, ...around(state.parent)];
}

/** The innermost frame that both ends of an arrow lie in, or are. */
function innermost(one: GraphState, other: GraphState): GraphState | undefined {
  const outer = new Set(around(other));
  return around(one).find(
    (state) => outer.has(state) && (state.children.length > 0 || state.parent === undefined),
  );
}

/** Every label of an arrow, by the states that the arrow touches. */
function expectLabelsInside(graph: Graph): void {
  const layout = layoutOf(graph);
  const states = new Map([graph.root, ...graph.states].map((state) => [state.id, state]));
  const labels = (layout.objects ?? []).filter(({ name }) => /^e\d+$/u.test(name));
  expect(labels.length).toBeGreaterThan(0);
  for (const label of labels) {
    const [one, other] = (label.class ?? '').split(' ').map((id) => states.get(id));
    if (one === undefined) throw new Error('the label touches no state');
    const end = other ?? one;
    // A loop leaves its state: it is drawn in the frame around, that of the machine outside of all.
    const start = one === end ? one.parent : one;
    if (start === undefined) continue;
    const frame = innermost(start, one === end ? start : end);
    const cluster = frame === undefined ? undefined : named(layout, `cluster_${frame.id}`);
    if (cluster === undefined) {
      expect(frame).toBe(graph.root);
      continue;
    }
    expect(contains(boxOf(cluster, 0), boxOf(label, 0))).toBe(true);
  }
}

describe('the layout of a lifecycle', () => {
  it.each(byName)('has each label inside the innermost frame of its ends: %s', (_, lifecycle) => {
    expectLabelsInside(graphOf(lifecycle));
    expectLabelsInside(graphOf(lifecycle, { direction: 'right' }));
  });

  it(
    'has each label inside the innermost frame of its ends, whatever the machine',
    () => {
      fc.assert(
        fc.property(randomShape, fc.constantFrom('inside', 'arrows'), (shape, selfLoops) => {
          let lifecycle: AnyLifecycle;
          try {
            lifecycle = defineLifecycle({ resource: 'R', version: 1, machine: machineOf(shape) });
          } catch {
            return;
          }
          const graph = graphOf(lifecycle, { selfLoops: selfLoops as 'inside' | 'arrows' });
          if (graph.edges.length > 0) expectLabelsInside(graph);
        }),
        machinesToTry,
      );
    },
    timeToTry,
  );

  it.each(byName)('has a start in each frame, beside its initial child: %s', (_, lifecycle) => {
    const graph = graphOf(lifecycle);
    const layout = layoutOf(graph);
    for (const state of graph.states.filter(({ children }) => children.length > 0)) {
      if (state.initial === undefined) continue;
      const [frame, dot] = [
        named(layout, `cluster_${state.id}`),
        named(layout, `start_${state.id}`),
      ];
      if (frame === undefined || dot === undefined) throw new Error(`${state.path} has no start`);
      expect(contains(boxOf(frame, 0), boxOf(dot, 0))).toBe(true);
      expect(dot.class).toContain(state.initial.id);
    }
  });

  it('draws what a parent takes into its own child from the parent', () => {
    const machine = setup({}).createMachine({
      initial: 'Box',
      states: {
        Box: {
          initial: 'A',
          on: { reset: '.C' },
          states: { A: { on: { go: 'B' } }, B: { on: { go: 'C' } }, C: { on: { again: '#box' } } },
          id: 'box',
        },
      },
    } as never);
    const lifecycle = defineLifecycle({ resource: 'Box', version: 1, machine: machine as never });
    const dot = dotText(graphOf(lifecycle as AnyLifecycle));
    expect(dot).toMatch(/any_s1 -> e\d+ \[[^\]]*dir=none/u);
    expect(dot).toMatch(/start_s1 -> e\d+ \[[^\]]*dir=back/u);
    expect(dot).toContain('in any state');
  });

  it('keeps states apart above 400 arrows', () => {
    const graph = graphOf(largeLifecycle(60, 9));
    expect(graph.edges.length).toBeGreaterThan(400);
    const boxes = (layoutOf(graph).objects ?? [])
      .filter(({ name }) => /^s\d+$/u.test(name))
      .map((object) => boxOf(object, 0));
    expect(boxes).toHaveLength(60);
    boxes.forEach((one, index) => {
      for (const other of boxes.slice(index + 1)) {
        const apart =
          one.x + one.width <= other.x ||
          other.x + other.width <= one.x ||
          one.y + one.height <= other.y ||
          other.y + other.height <= one.y;
        expect(apart).toBe(true);
      }
    });
  });
});

describe('SVG', () => {
  it.each(byName)(
    'sets every text into the width that was measured, in one face: %s',
    async (_, lifecycle) => {
      const picture = await svg(lifecycle);
      const every = [...picture.matchAll(/<text [^>]*>/gu)].map(([tag]) => tag);
      expect(every.length).toBeGreaterThan(5);
      for (const tag of every) expect(tag).toMatch(/ textLength="[\d.]+" lengthAdjust=/u);
      expect(picture.match(/font-family=/gu)).toHaveLength(1);
    },
  );

  it.each(byName)('has rows of a label at even distances: %s', (_, lifecycle) => {
    for (const object of layoutOf(graphOf(lifecycle)).objects ?? []) {
      const runs = textRuns(object._ldraw_).filter(({ size }) => size === 11);
      const rows = [...new Set(runs.map(({ y }) => Math.round(y * 10) / 10))];
      const gaps = rows.slice(1).map((y, index) => (rows[index] ?? 0) - y);
      for (const gap of gaps) expect(Math.abs(gap - (gaps[0] ?? 0))).toBeLessThan(0.25);
    }
  });

  it('is no wider than a screen for two regions', async () => {
    const [, width, height] =
      /width="(\d+)" height="(\d+)"/u.exec(await svg(azureVirtualMachine)) ?? [];
    expect(Number(width)).toBeLessThan(1000);
    expect(Number(height)).toBeLessThan(700);
  });

  it('has a colour for each tag, none where there is none, and says which in a legend', async () => {
    const picture = await svg(kubernetesPod);
    const fillOf = (name: string): string | undefined =>
      new RegExp(`<title>Pending\\.${name}[^<]*</title>\\s*<rect [^>]*fill="(#\\w+)"`, 'u').exec(
        picture,
      )?.[1];
    expect(fillOf('Unscheduled')).toBe(fillOf('ImagePullBackOff'));
    expect(fillOf('Unscheduled')).not.toBe(fillOf('Initializing'));
    const legend = picture.slice(picture.indexOf('class="legend"'));
    for (const word of ['waiting', 'transitional', 'serving', 'final', 'deadline', 'alert']) {
      expect(legend).toContain(`>${word}</text>`);
    }
    expect(await svg(kubernetesPod, { legend: false })).not.toContain('class="legend"');
    expect(await svg(largeLifecycle(3, 2))).toMatch(
      /<title>s1<\/title>\s*<rect [^>]*fill="#ffffff"/u,
    );
  });

  it('lights the arrows of the state under the pointer', async () => {
    const graph = graphOf(kubernetesPod);
    const picture = await svg(kubernetesPod);
    for (const { id, children } of graph.states) {
      if (children.length > 0) continue;
      expect(picture).toContain(`svg:has(.state.${id}:hover)`);
      expect(picture).toMatch(new RegExp(`class="arrow [^"]*\\b${id}\\b`, 'u'));
    }
  });
});

describe('PNG', () => {
  it('has the size of the SVG times the scale', async () => {
    const picture = Buffer.from(await png(loadBalancer, { scale: 1 }));
    const [, width, height] = /width="(\d+)" height="(\d+)"/u.exec(await svg(loadBalancer)) ?? [];
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([
      Number(width),
      Number(height),
    ]);
  });

  it('says how to install what it needs', async () => {
    vi.doMock('@resvg/resvg-js', () => {
      throw new Error('Cannot find package');
    });
    await expect(png(loadBalancer)).rejects.toMatchObject({
      code: 'DRIVER_MISSING',
      message: expect.stringContaining('npm install --save-dev @resvg/resvg-js') as string,
    });
    vi.doUnmock('@resvg/resvg-js');
  });
});

describe('the drawing for a terminal', () => {
  it.each(byName)(
    'has each state once, and each arrow at the state it leaves: %s',
    (_, lifecycle) => {
      const lines = text(lifecycle).split('\n');
      const graph = graphOf(lifecycle);
      const heads = lines.filter((line) => /^[│├└─ ]*[●○◌◎] /u.test(line)).slice(0, -1);
      expect(heads).toHaveLength(graph.states.length);
      const arrows = graph.edges.reduce((count, { labels }) => count + labels.length, 0);
      expect(lines.filter((line) => line.includes('▶'))).toHaveLength(arrows);
    },
  );

  it('is a tree', () => {
    expect(text(loadBalancer)).toMatchInlineSnapshot(`
      "LoadBalancer, version 1
      The lifecycle of LoadBalancer has 6 states and 10 transitions. It begins in Allocated. It ends in Removed.

      ├─● Allocated  (stable)
      │     DeployRequested [hasMembers] ──▶ Deploying
      │     RemoveRequested ───────────────▶ Removed
      ├─◌ Deploying  (transitional)
      │     OperationSucceeded ────────────▶ Active ◆ LB.CREATE
      │     OperationFailed ───────────────▶ Error
      │     after 10 min ──────────────────▶ Error
      ├─○ Active  (stable)
      │ │   RemoveRequested ───────────────▶ Removed ◆ LB.DELETE
      │ ├─● Healthy
      │ │     MemberLost ────────────────────▶ Degraded
      │ └─○ Degraded
      │       MemberRecovered ───────────────▶ Healthy
      ├─○ Error  (stable)
      │     DeployRequested ───────────────▶ Deploying
      │     RemoveRequested ───────────────▶ Removed
      └─◎ Removed

      ● begins here  ○ state  ◌ work goes on  ◎ final
      "
    `);
  });
});
