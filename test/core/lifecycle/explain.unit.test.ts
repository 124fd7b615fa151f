import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { machines } from '../../../machines/index.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { explain } from '../../../src/core/lifecycle/explain.js';
import { lawfulEvents } from '../../../src/core/lifecycle/lawful-events.js';
import { plan } from '../../../src/core/lifecycle/plan.js';
import { step } from '../../../src/core/lifecycle/step.js';
import { server } from './server.js';

describe('a refusal', () => {
  const lamp = defineLifecycle({
    resource: 'Lamp',
    version: 1,
    machine: setup({
      types: {} as { events: { type: 'press' } | { type: 'hold' } },
    }).createMachine({
      initial: 'on',
      on: { '*': '.off' },
      states: { on: { on: { press: {} } }, off: {} },
    }),
  });

  it('names the state that forbids the event', () => {
    const [refusal] = explain(lamp, { state: 'on' }, 'press').refusals;
    expect(refusal?.message).toContain('does not take press: on forbids it');
    expect(explain(lamp, { state: 'off' }, 'press').lawful).toBe(true);
  });

  it('of an event that a wildcard would take tells to name it', () => {
    const [refusal] = explain(lamp, { state: 'on' }, 'hold').refusals;
    expect(refusal?.message).toContain("for it to take 'hold', name that in the `events`");
  });
});

describe('explain', () => {
  it('says of every state and event what step does', () => {
    for (const lifecycle of machines) {
      for (const { name } of lifecycle.states) {
        for (const event of [...lifecycle.events, 'Unheard']) {
          const explained = explain(lifecycle, { state: name, context: {} }, event);
          const result = step(lifecycle, { state: name, context: {} }, event);
          expect(explained.lawful).toBe(result.lawful);
          expect(explained.refusals).toEqual(result.lawful ? [] : result.refusals);
          expect(explained.lawfulEvents.includes(event)).toBe(result.lawful);
        }
      }
    }
  });

  it('takes guarded events for lawful without a context, and names what decides', () => {
    expect(explain(server, { state: 'Down' }, 'BootRequested')).toMatchObject({
      lawful: true,
      refusals: [],
      openGuards: ['isForced', 'and(hasDisks({"atLeast":1}), not(isLocked))'],
      lawfulEvents: ['BootRequested', 'Scrapped', 'Renamed'],
    });
    const context = { disks: 0, locked: false };
    expect(explain(server, { state: 'Down', context }, 'BootRequested')).toMatchObject({
      lawful: false,
      refusals: [{ code: 'GUARD_REFUSED' }],
      openGuards: [],
      lawfulEvents: ['Scrapped', 'Renamed'],
    });
  });
});

describe('lawfulEvents', () => {
  it('is empty in a final state and in one that does not exist', () => {
    expect(lawfulEvents(server, { state: 'Gone' })).toEqual([]);
    expect(lawfulEvents(server, { state: 'Nowhere' as 'Gone' })).toEqual([]);
  });

  it('asks no guard without a context', () => {
    const gate = defineLifecycle({
      resource: 'Gate',
      version: 1,
      machine: setup({
        guards: { isOpen: ({ context }) => 'open' in (context ?? {}) },
      }).createMachine({
        initial: 'A',
        states: { A: { on: { Pass: { target: 'B', guard: 'isOpen' } } }, B: {} },
      }),
    });
    expect(lawfulEvents(gate, { state: 'A' })).toEqual(['Pass']);
    expect(lawfulEvents(gate, { state: 'A', context: {} })).toEqual([]);
  });

  it('counts an event whose guard cannot answer', () => {
    const broken = {
      get disks(): number {
        throw new Error('no disks');
      },
      locked: false,
    };
    expect(lawfulEvents(server, { state: 'Down', context: broken })).toContain('BootRequested');
  });
});

describe('plan', () => {
  it('gives the shortest way, or a closed set of states that the goal is not in', () => {
    for (const lifecycle of machines) {
      const names = lifecycle.states.map(({ name }) => name);
      const distance = distances(lifecycle.transitions);
      fc.assert(
        fc.property(fc.constantFrom(...names), fc.constantFrom(...names), (from, to) => {
          const way = plan(lifecycle, from, to);
          const shortest = distance(from, to);
          if (!way.possible) {
            expect(shortest).toBe(Infinity);
            const reachable = new Set(way.reachable);
            expect(reachable.has(from) && !reachable.has(to)).toBe(true);
            for (const transition of lifecycle.transitions) {
              if (transition.event === 'DeadlineExceeded') continue;
              if (reachable.has(transition.from)) expect(reachable).toContain(transition.to);
            }
            return;
          }
          expect(way.steps).toHaveLength(shortest);
          let state = from;
          for (const taken of way.steps) {
            const result = step(lifecycle, { state }, taken.event);
            expect(result).toMatchObject({ lawful: true, next: taken.to });
            state = taken.to;
          }
          expect(state).toBe(to);
        }),
      );
    }
  });

  it('takes timeouts only when asked to', () => {
    const fading = defineLifecycle({
      resource: 'Lease',
      version: 1,
      machine: setup({}).createMachine({
        initial: 'Held',
        states: { Held: { after: { 1000: 'Lapsed' } }, Lapsed: {} },
      }),
    });
    expect(plan(fading, 'Held', 'Lapsed').possible).toBe(false);
    expect(plan(fading, 'Held', 'Lapsed', { timeouts: true })).toMatchObject({
      possible: true,
      steps: [{ event: 'DeadlineExceeded' }],
    });

    expect(plan(server, 'Gone', 'Down', { timeouts: true })).toEqual({
      possible: false,
      reachable: ['Gone'],
    });
  });
});

// Floyd and Warshall, written apart from the search it checks.
function distances(
  transitions: readonly { readonly from: string; readonly event: string; readonly to: string }[],
): (from: string, to: string) => number {
  const names = [...new Set(transitions.flatMap(({ from, to }) => [from, to]))];
  const known = new Map<string, number>();
  const get = (from: string, to: string) =>
    from === to ? 0 : (known.get(`${from} ${to}`) ?? Infinity);
  for (const { from, event, to } of transitions) {
    if (event !== 'DeadlineExceeded') known.set(`${from} ${to}`, 1);
  }
  for (const middle of names) {
    for (const from of names) {
      for (const to of names) {
        known.set(`${from} ${to}`, Math.min(get(from, to), get(from, middle) + get(middle, to)));
      }
    }
  }
  return get;
}
