import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBalancer } from '../../../examples/load-balancer.js';
import { machines, volume } from '../../../machines/index.js';
import { diffDiagram } from '../../../src/tools/diagram/diff-diagram.js';
import { diffLifecycles } from '../../../src/tools/diagram/lifecycle-diff.js';
import { plantuml } from '../../../src/tools/diagram/plantuml.js';
import { describeLifecycle } from '../../../src/core/lifecycle/describe-lifecycle.js';
import { asDrawn, hostileLifecycle, hostileNames } from './hostile-lifecycle.js';
import { textsOfXml } from './xml-texts.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-plantuml-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Draws diagrams with PlantUML, in one run of it. Rejects where it finds a fault in one of them. */
async function drawAll(diagrams: readonly string[]): Promise<readonly string[]> {
  const file = (index: number, ending: string): string => join(folder, `d${index}.${ending}`);
  await Promise.all(diagrams.map((text, index) => writeFile(file(index, 'puml'), text)));
  await promisify(execFile)('plantuml', [
    '-charset',
    'UTF-8',
    '-tsvg',
    ...diagrams.map((_, index) => file(index, 'puml')),
  ]);
  return Promise.all(diagrams.map((_, index) => readFile(file(index, 'svg'), 'utf8')));
}

/** What is written in a picture. PlantUML draws a text in pieces: where its formatting changes. */
function wordsOf(picture: string): string {
  return textsOfXml(picture).join('').replaceAll(/\s/gu, '');
}

describe('PlantUML', () => {
  it('finds a fault when there is one', async () => {
    await expect(drawAll(['@startuml\nstate "a as s0\n@enduml\n'])).rejects.toThrow(
      /contains errors/u,
    );
  });

  it('draws every state, event and effect', async () => {
    const lifecycles = [...machines, loadBalancer];
    const pictures = await drawAll(lifecycles.map((lifecycle) => plantuml(lifecycle)));
    for (const [index, lifecycle] of lifecycles.entries()) {
      const words = wordsOf(pictures[index] ?? '');
      for (const { name } of lifecycle.states) expect(words).toContain(name.split('.').at(-1));
      for (const { event, effects } of lifecycle.transitions) {
        if (lifecycle.events.includes(event)) expect(words).toContain(event);
        for (const { category, type } of effects) {
          if (category !== 'AlertEvent') expect(words).toContain(type);
        }
      }
    }
  });

  it('draws other looks, and what changed between two versions', async () => {
    const before = describeLifecycle(volume);
    const after = {
      ...before,
      version: 2,
      transitions: before.transitions.filter(({ to }) => to !== 'Attaching'),
    };
    const [changed = '', other = ''] = await drawAll([
      await diffDiagram(diffLifecycles(before, after), 'plantuml'),
      plantuml(loadBalancer, { direction: 'right', theme: 'dark', selfLoops: 'arrows' }),
    ]);
    expect(wordsOf(changed)).toContain('−AttachRequested');
    expect(wordsOf(other)).toContain('DeployRequested[hasMembers]');
  });

  it('draws names unchanged, whatever they hold', async () => {
    const all = fc.sample(hostileNames, 30);
    const pictures = await drawAll(all.map((names) => plantuml(hostileLifecycle(names))));
    for (const [index, { states, event, effect }] of all.entries()) {
      const words = wordsOf(pictures[index] ?? '');
      for (const name of [...states, event, effect]) {
        expect(words, JSON.stringify(all[index])).toContain(asDrawn(name).replaceAll(/\s/gu, ''));
      }
    }
  });
});
