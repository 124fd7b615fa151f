import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { machines } from '../../machines/index.js';
import { durationText } from '../../src/core/lifecycle/duration-text.js';
import type { AnyLifecycle, TransitionDeclaration } from '../../src/core/lifecycle/lifecycle.js';
import { plan } from '../../src/core/lifecycle/plan.js';
import { step } from '../../src/core/lifecycle/step.js';

interface Reference {
  readonly initial: string;
  readonly alsoBornIn: readonly string[];
  readonly neverEntered: readonly string[];
  readonly states: readonly { readonly name: string; readonly transitional?: boolean }[];
  readonly events: readonly string[];
  readonly eventsNeverUsed: readonly string[];
  readonly transitions: readonly {
    readonly from: string;
    readonly event: string;
    readonly to: string;
    readonly usage?: boolean;
  }[];
}

const fixture = new URL('../fixtures/cloudstack-lifecycles.json', import.meta.url);
const { lifecycles } = JSON.parse(readFileSync(fixture, 'utf8')) as {
  lifecycles: Readonly<Record<string, Reference>>;
};
const page = readFileSync(new URL('../../docs/lifecycles.md', import.meta.url), 'utf8');

// What each flagged transition announces, told apart by where it leads and, for a resize, whence.
const usageByTarget: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  VirtualMachine: {
    Running: 'VM.START',
    Stopped: 'VM.STOP',
    Destroyed: 'VM.DESTROY',
    Error: 'VM.DESTROY',
    Expunging: 'VM.DESTROY',
  },
  Volume: { Ready: 'VOLUME.CREATE', Destroy: 'VOLUME.DELETE' },
};

function usageOf(resource: string, from: string, to: string): string | undefined {
  if (resource === 'VirtualMachine' && from === 'Destroyed') return 'VM.CREATE';
  if (resource === 'Volume' && from === 'Resizing') return 'VOLUME.RESIZE';
  return usageByTarget[resource]?.[to];
}

/** The table rows of one chapter of the page, each with its cells joined by a bar. */
function rowsOf(resource: string): readonly string[] {
  const chapter = page.split('\n## ').find((text) => text.startsWith(`${resource}\n`)) ?? '';
  return chapter
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim())
        .join(' | '),
    )
    .filter((row) => !/^(from|state|-+) \|/.test(row));
}

function key({ from, event }: { readonly from: string; readonly event: string }): string {
  return `${from} ${event}`;
}

function added(lifecycle: AnyLifecycle, reference: Reference): readonly TransitionDeclaration[] {
  const known = new Set(reference.transitions.map(key));
  return lifecycle.transitions.filter((transition) => !known.has(key(transition)));
}

it('covers every lifecycle of the reference', () => {
  expect(machines.map(({ resource }) => resource).toSorted()).toEqual(
    Object.keys(lifecycles).toSorted(),
  );
});

describe.each(machines)('$resource', (lifecycle) => {
  const reference = lifecycles[lifecycle.resource] as Reference;

  it('takes every transition of the reference, and meters exactly the flagged ones', () => {
    for (const { from, event, to, usage } of reference.transitions) {
      const result = step(lifecycle, { state: from }, event);
      expect(result, `${from} ${event}`).toMatchObject({ lawful: true, next: to });
      if (!result.lawful) continue;
      expect(result.effects, `${from} ${event}`).toEqual(
        usage === true
          ? [{ category: 'UsageEvent', type: usageOf(lifecycle.resource, from, to) }]
          : [],
      );
    }
  });

  it('is created where the reference is', () => {
    expect(lifecycle.initial).toBe(reference.initial);
    expect(lifecycle.initialStates).toEqual([reference.initial, ...reference.alsoBornIn]);
  });

  it('has the states and events of the reference, but for those never used', () => {
    const names = lifecycle.states.map(({ name }) => name);
    for (const { name } of reference.states) {
      expect(names.includes(name), name).toBe(!reference.neverEntered.includes(name));
    }
    expect(lifecycle.events.toSorted()).toEqual(
      reference.events.filter((event) => !reference.eventsNeverUsed.includes(event)).toSorted(),
    );
  });

  it('tags as transitional what the reference does', () => {
    for (const { name, transitional } of reference.states) {
      const state = lifecycle.states.find((candidate) => candidate.name === name);
      if (transitional === undefined || state === undefined) continue;
      expect(state.tags.includes('transitional'), name).toBe(transitional);
    }
  });

  it('explains every addition, in the machine and in docs/lifecycles.md, and the page no other', () => {
    const transitions = added(lifecycle, reference).map(
      ({ from, event, to, description }) => `${from} | ${event} | ${to} | ${description ?? '?'}`,
    );
    const deadlines = lifecycle.states.flatMap(({ name, deadlines: running }) =>
      running.map(({ id, after, description }) => {
        const row = lifecycle.table.timeouts.get(name)?.get(id)?.[0];
        const outcome =
          row === undefined
            ? `alert | ${description ?? '?'}`
            : `alert, then ${row.to} | See above.`;
        return `${name} | ${durationText(after)} | ${outcome}`;
      }),
    );
    expect(rowsOf(lifecycle.resource)).toEqual([...transitions, ...deadlines]);
  });

  it('can be brought to an end from every state, by events a caller may send', () => {
    const ends = lifecycle.states.filter(({ final }) => final).map(({ name }) => name);
    // A volume's end can be undone by a backup, so the reference lets events leave it.
    const goals = lifecycle.resource === 'Volume' ? ['Expunged'] : ends;
    expect(goals).not.toEqual([]);
    for (const { name } of lifecycle.states) {
      const ways = goals.map((goal) => plan(lifecycle, name, goal).possible);
      expect(ways, name).toContain(true);
    }
  });

  it('enters every state it has', () => {
    for (const { name } of lifecycle.states) {
      const ways = lifecycle.initialStates.map((born) =>
        plan(lifecycle, born, name, { timeouts: true }),
      );
      expect(
        ways.map(({ possible }) => possible),
        name,
      ).toContain(true);
    }
  });
});
