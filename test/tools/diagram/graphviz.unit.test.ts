import { Graphviz } from '@hpcc-js/wasm-graphviz';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { machines, volume } from '../../../machines/index.js';
import { dot } from '../../../src/tools/diagram/dot.js';
import type { DiagramOptions } from '../../../src/tools/diagram/options.js';
import { svg } from '../../../src/tools/diagram/svg.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { long } from '../../faults/support/fault-length.js';
import { asDrawn, hostileLifecycle, hostileNames } from './hostile-lifecycle.js';
import { largeLifecycle } from './large-machine.js';
import { textsOfXml } from './xml-texts.js';

let graphviz: Graphviz;
beforeAll(async () => {
  graphviz = await Graphviz.load();
});

const everyLook: readonly DiagramOptions[] = [
  {},
  { direction: 'right', theme: 'dark' },
  { selfLoops: 'arrows', effects: false, guards: false, deadlines: false, tags: false },
];

describe('DOT', () => {
  it.each(machines.map((machine) => [machine.resource, machine] as const))(
    'is taken by Graphviz in every look: %s',
    (_, lifecycle) => {
      for (const look of everyLook) {
        expect(graphviz.dot(dot(lifecycle, look), 'svg')).toContain('</svg>');
      }
    },
  );

  it('is taken by Graphviz whatever the names hold, and says them unchanged', () => {
    fc.assert(
      fc.property(hostileNames, (names) => {
        const lifecycle = hostileLifecycle(names);
        const texts = textsOfXml(graphviz.dot(dot(lifecycle), 'svg'));
        const drawn = texts.map((text) => text.replaceAll('\u00A0', ' '));
        for (const name of [...names.states.slice(0, 4), names.event, names.effect]) {
          expect(drawn.some((text) => text.includes(asDrawn(name).trim()))).toBe(true);
        }
      }),
      { numRuns: long ? 300 : 60 },
    );
  });
});

describe('SVG', () => {
  it.each(machines.map((machine) => [machine.resource, machine] as const))(
    'shows every state, event and effect, and tells them to those who cannot see it: %s',
    async (_, lifecycle) => {
      const picture = await svg(lifecycle);
      const texts = textsOfXml(picture);
      expect(picture).toMatch(/^<svg role="img" aria-labelledby="/u);
      expect(texts).toContain(`${lifecycle.resource}, version ${lifecycle.version}`);
      const all = texts.join('\n').replaceAll('\u00A0', ' ');
      for (const { name, final } of lifecycle.states) {
        expect(texts).toContain(name);
        expect(all).toMatch(
          new RegExp(`${name}(?: \\(${final ? 'final' : '(?:stable|transitional)'}\\))`),
        );
      }
      for (const { event, effects } of lifecycle.transitions) {
        if (lifecycle.events.includes(event)) expect(all).toContain(event);
        for (const { category, type } of effects) {
          if (category !== 'AlertEvent') expect(all).toContain(type);
        }
      }
    },
  );

  it.each(machines.map((machine) => [machine.resource, machine] as const))(
    'fits a laptop screen at its own size, its smallest text at 11 pixels: %s',
    async (_, lifecycle) => {
      const picture = await svg(lifecycle);
      const [, width = '0', height = '0'] =
        /width="([\d.]+)" height="([\d.]+)"/u.exec(picture) ?? [];
      // One unit of the drawing is one pixel at 100 %.
      expect(picture).toContain(`viewBox="0.00 0.00 ${width}.00 ${height}.00"`);
      const sizes = [...picture.matchAll(/font-size="([\d.]+)"/gu)].map(([, size]) => Number(size));
      expect(Math.min(...sizes)).toBe(11);
      expect(Number(width)).toBeGreaterThan(100);
      expect(Number(width)).toBeLessThanOrEqual(1440);
      expect(Number(height)).toBeLessThanOrEqual(820);
    },
  );

  it('shows the neighbourhood of a state, and no creation where none is', async () => {
    const near = await svg(volume, { around: { state: 'Ready' } });
    expect(textsOfXml(near)).toContain('Volume, version 1, around Ready');
    expect(near).not.toContain('<ellipse');
    expect(await svg(volume, { around: { state: 'Creating' } })).toContain('<ellipse');
  });

  it('is the same for the same lifecycle', async () => {
    const [lifecycle] = machines as readonly [AnyLifecycle];
    expect(await svg(lifecycle)).toBe(await svg(lifecycle));
  });

  it('is well formed whatever the names hold', async () => {
    await fc.assert(
      fc.asyncProperty(hostileNames, async (names) => {
        const texts = textsOfXml(await svg(hostileLifecycle(names)));
        const [state = ''] = names.states;
        expect(texts.some((text) => text.includes(asDrawn(state).trim()))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  const states = long ? 2000 : 500;
  it(`is drawn for ${states} states and ${10 * states} transitions`, async () => {
    const lifecycle = largeLifecycle(states, 10);
    expect(lifecycle.transitions).toHaveLength(10 * states);
    const texts = new Set(textsOfXml(await svg(lifecycle)));
    for (const { name } of lifecycle.states) expect(texts.has(name)).toBe(true);
  }, 120_000);
});
