import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { machines, volume } from '../../../machines/index.js';
import { loadBalancer } from '../../../examples/load-balancer.js';
import { dot } from '../../../src/tools/diagram/dot.js';
import { mermaid } from '../../../src/tools/diagram/mermaid.js';
import type { DiagramOptions } from '../../../src/tools/diagram/options.js';
import { plantuml } from '../../../src/tools/diagram/plantuml.js';
import { scxml } from '../../../src/tools/diagram/scxml.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { plan } from '../../../src/core/lifecycle/plan.js';
import { asDrawn, hostileLifecycle, hostileNames } from './hostile-lifecycle.js';
import { largeLifecycle } from './large-machine.js';
import { textsOfXml } from './xml-texts.js';

const id = /s\d+/u.source;
const escaped = String.raw`(?:[\p{L}\p{N}\p{M} .,()[\]/_-]|#\d+;)+`;

/** Every kind of line that is written, so that nothing of a name can become another one. */
const mermaidLine = new RegExp(
  `^(?:${[
    'stateDiagram-v2',
    '  direction LR',
    `  acc(?:Title|Descr): ${escaped}`,
    String.raw` *\[\*\] --> ${id}`,
    String.raw` *${id} --> \[\*\]`,
    ` *state "${escaped}" as ${id}(?: \\{)?`,
    String.raw` *\}`,
    ' *--',
    ` *${id} : ${escaped}`,
    ` *note right of ${id}`,
    ` *end note`,
    ` +${escaped}`,
    ` *${id} --> ${id} : ${escaped}(?:<br/>${escaped})*`,
    String.raw`  classDef c\d+ fill:#\w{6},stroke:#\w{6},color:#\w{6}(?:,stroke-dasharray:5 4)?`,
    String.raw`  class ${id}(?:,${id})* c\d+`,
  ].join('|')})$`,
  'u',
);

function unescapeMermaid(text: string): string {
  return text.replaceAll(/#(\d+);/gu, (_, code: string) => String.fromCodePoint(Number(code)));
}

function unescapePlantuml(text: string): string {
  return text.replaceAll(/<U\+([0-9A-F]+)>/gu, (_, code: string) =>
    String.fromCodePoint(Number.parseInt(code, 16)),
  );
}

describe('Mermaid', () => {
  it('holds no line but those of a state diagram, whatever the names hold, and says them unchanged', () => {
    fc.assert(
      fc.property(hostileNames, (names) => {
        const text = mermaid(hostileLifecycle(names));
        for (const line of text.trimEnd().split('\n')) expect(line).toMatch(mermaidLine);
        const drawn = [...text.matchAll(/state "([^"]*)" as/gu)].map(([, name = '']) =>
          unescapeMermaid(name),
        );
        // A state named by a number comes first, as in every JavaScript object.
        expect(drawn.toSorted()).toEqual(names.states.map((name) => asDrawn(name)).toSorted());
      }),
      { numRuns: 300 },
    );
  });
});

describe('PlantUML', () => {
  it('says names unchanged, and nothing in them is formatting', () => {
    fc.assert(
      fc.property(hostileNames, (names) => {
        const text = plantuml(hostileLifecycle(names));
        const drawn = [...text.matchAll(/state "([^"]*)" as/gu)].map(([, name = '']) => name);
        expect(drawn.map(unescapePlantuml).toSorted()).toEqual(
          names.states.map((name) => asDrawn(name).trim()).toSorted(),
        );
        for (const name of drawn) {
          expect(name.replaceAll(/<U\+[0-9A-F]+>/gu, 'x')).not.toMatch(/["<>~\\*_|]|--|\/\/|\.\./u);
        }
        expect(text.match(/^@/gmu)).toHaveLength(2);
      }),
      { numRuns: 300 },
    );
  });
});

describe('SCXML', () => {
  const word = /^[A-Za-z_](?:[A-Za-z0-9._-])*$/u;
  const eventWords = /^(?:\*|[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*(?:\.\*)?)$/u;

  function expectValid(text: string): void {
    textsOfXml(text);
    const ids = [...text.matchAll(/ id="([^"]*)"/gu)].map(([, found = '']) => found);
    expect(new Set(ids).size).toBe(ids.length);
    for (const found of ids) expect(found).toMatch(word);
    for (const [, events = ''] of text.matchAll(/ event="([^"]*)"/gu)) {
      expect(events).toMatch(eventWords);
    }
    for (const [, list = ''] of text.matchAll(/ (?:target|initial|sendid)="([^"]*)"/gu)) {
      for (const reference of list.split(' ')) expect(ids).toContain(reference);
    }
  }

  it.each([...machines, loadBalancer].map((machine) => [machine.resource, machine] as const))(
    'has unique ids, and refers to those alone: %s',
    (_, lifecycle) => {
      const text = scxml(lifecycle);
      expectValid(text);
      for (const { name } of lifecycle.states) expect(text).toContain(`id="${name}"`);
    },
  );

  it('is valid whatever the names hold, and says them unchanged', () => {
    fc.assert(
      fc.property(hostileNames, (names) => {
        const text = scxml(hostileLifecycle(names));
        expectValid(text);
        const texts = textsOfXml(text);
        for (const name of names.states) expect(texts).toContain(asDrawn(name));
      }),
      { numRuns: 300 },
    );
  });

  it('writes what leaves a final state at the state around it, before its own, while it is active', () => {
    const text = scxml(
      defineLifecycle({
        resource: 'Backup',
        version: 1,
        machine: setup({ guards: { isOld: () => true } }).createMachine({
          initial: 'Kept',
          states: {
            Kept: {
              initial: 'Writing',
              on: { Failed: 'Lost' },
              states: {
                Writing: { on: { Finished: 'Whole' } },
                Whole: {
                  type: 'final',
                  on: { Rewrite: 'Writing', Failed: { target: '#lost', guard: 'isOld' } },
                },
              },
            },
            Lost: { id: 'lost', type: 'final' },
          },
        }),
      }),
    );
    expectValid(text);
    expect(text).toContain('<final id="Kept.Whole" signalbox:name="Whole"/>');
    const transitions = [...text.matchAll(/<transition .*\/>/g)].map(([element]) =>
      element.replaceAll('&#39;', "'"),
    );
    expect(transitions).toEqual([
      `<transition event="Rewrite" cond="In('Kept.Whole')" target="Kept.Writing" type="internal"/>`,
      `<transition event="Failed" cond="In('Kept.Whole') &amp;&amp; (isOld)" target="Lost"/>`,
      '<transition event="Failed" target="Lost"/>',
      '<transition event="Finished" target="Kept.Whole"/>',
    ]);
  });
});

describe('every text format', () => {
  const formats = { mermaid, dot, plantuml } as const;

  it.each(Object.entries(formats))('draws 20,000 transitions: %s', (_, draw) => {
    const text = draw(largeLifecycle(2000, 10));
    expect(text).toContain('s1999');
  });

  it.each(Object.entries(formats))('shows what it is asked to show, and no more: %s', (_, draw) => {
    const whole = draw(loadBalancer);
    const less = (options: DiagramOptions): string => draw(loadBalancer, options);
    expect(whole).toContain('LB.CREATE');
    expect(less({ effects: false })).not.toContain('LB.CREATE');
    expect(whole).toContain('hasMembers');
    expect(less({ guards: false })).not.toContain('hasMembers');
    // Told once: where an arrow shows the deadline, the box does not.
    expect(whole.match(/after 10 min/gu)).toHaveLength(1);
    expect(draw(volume)).toContain('alert after');
    expect(draw(volume, { deadlines: false })).not.toContain('alert after');
    expect(whole).toContain('transitional');
    expect(less({ tags: false })).not.toContain('transitional');
    expect(less({ direction: 'right' })).not.toBe(whole);
    expect(less({ theme: 'dark' })).not.toBe(whole);
    expect(draw(volume, { selfLoops: 'arrows' })).not.toBe(draw(volume));
  });

  it.each(Object.entries(formats))('draws the neighbourhood of a state: %s', (_, draw) => {
    const near = draw(volume, { around: { state: 'Copying' } });
    for (const name of ['Copying', 'Uploaded', 'Ready']) expect(near).toContain(name);
    expect(near).not.toContain('NotUploaded');
    expect(draw(volume, { around: { state: 'Copying', distance: 2 } })).toContain('NotUploaded');
  });

  it.each(Object.entries(formats))(
    'points out each step of a path, and no other: %s',
    (_, draw) => {
      const way = plan(volume, 'Allocated', 'Ready');
      if (!way.possible) throw new Error('there is a way');
      const signs = draw(volume, { highlight: way.steps }).match(/»|#187;|<U\+00BB>/gu);
      // Three states and two steps, by every event of the step that was named.
      expect(signs).toHaveLength(way.steps.length + 1 + way.steps.length);
    },
  );

  it('refuses the neighbourhood of a state that is not there, and names the nearest', () => {
    expect(() => mermaid(volume, { around: { state: 'Reddy' } })).toThrow(/Did you mean 'Ready'/u);
  });
});
