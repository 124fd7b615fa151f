import { describe, expect, it } from 'vitest';
import { and, or, setup, stateIn } from 'xstate';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../../src/core/lifecycle/effects.js';
import { creation, step } from '../../../src/core/lifecycle/step.js';

const usage = (type: string) => ({ type: 'usage', params: { type } }) as const;

describe('parallel regions', () => {
  const machine = defineLifecycle({
    resource: 'Port',
    version: 1,
    machine: setup({ actions: effects, guards: { mayHeal: () => true } }).createMachine({
      initial: 'Off',
      states: {
        Off: { on: { Plug: 'On' } },
        On: {
          type: 'parallel',
          onDone: { target: 'Off', actions: usage('BOTH.DONE') },
          states: {
            power: {
              initial: 'low',
              states: { low: { on: { Raise: 'high' } }, high: { type: 'final' } },
            },
            health: {
              initial: 'bad',
              states: {
                bad: {
                  on: {
                    Heal: { target: 'good', guard: stateIn({ On: { power: 'high' } }) },
                    Raise: { actions: usage('NOTED') },
                  },
                },
                good: { type: 'final' },
              },
            },
          },
        },
      },
    }),
  });
  const low = '{"On":{"power":"low","health":"bad"}}';
  const high = '{"On":{"power":"high","health":"bad"}}';

  it('are named by their state value as JSON, next to plain states', () => {
    expect(machine.states.map(({ name }) => name)).toEqual([
      'Off',
      low,
      '{"On":{"power":"low","health":"good"}}',
      high,
      '{"On":{"power":"high","health":"good"}}',
    ]);
    expect(step(machine, { state: 'Off' }, 'Plug')).toMatchObject({ next: low });
  });

  it('take one event together', () => {
    expect(step(machine, { state: low }, 'Raise')).toMatchObject({
      next: high,
      effects: [{ type: 'NOTED' }],
    });
  });

  it('answer stateIn when the table is compiled, so that no guard is left to ask', () => {
    expect(step(machine, { state: low }, 'Heal').lawful).toBe(false);
    const healed = step(machine, { state: high }, 'Heal');
    expect(healed).toMatchObject({ guards: [], next: 'Off', effects: [{ type: 'BOTH.DONE' }] });
    expect(machine.table.guardedEvents.size).toBe(0);
  });
});

describe('wildcards', () => {
  const machine = defineLifecycle({
    resource: 'Gate',
    version: 1,
    events: ['Other'],
    machine: setup({
      types: {} as { events: { type: 'Open' | 'Close' | 'log.a' | 'log.b' | 'Other' } },
      actions: effects,
    }).createMachine({
      initial: 'A',
      states: {
        A: { on: { '*': 'B', Open: undefined, 'log.*': 'C', 'log.a': 'A' } },
        B: { on: { Open: 'A', Close: 'A' } },
        C: {},
      },
    }),
  });

  it('take the events that are declared, exact names and longer prefixes first', () => {
    const next = (event: (typeof machine.events)[number]) => {
      const result = step(machine, { state: 'A' }, event);
      return result.lawful ? result.next : result.refusals[0].code;
    };
    expect(machine.events).toEqual(['Open', 'log.a', 'Close', 'Other']);
    expect(next('Other')).toBe('B');
    expect(next('Close')).toBe('B');
    expect(next('log.a')).toBe('A');
    expect(next('log.b')).toBe('UNKNOWN_EVENT');
  });

  it('never take what a state forbids', () => {
    expect(step(machine, { state: 'A' }, 'Open')).toMatchObject({
      refusals: [{ code: 'EVENT_NOT_LAWFUL' }],
    });
  });
});

describe('eventless transitions', () => {
  const machine = defineLifecycle({
    resource: 'Lamp',
    version: 1,
    machine: setup({
      types: {} as { context: { bright: boolean }; events: { type: 'Switch' } },
      actions: effects,
      guards: { isBright: ({ context }) => context.bright },
    }).createMachine({
      context: { bright: false },
      initial: 'Off',
      states: {
        Off: { on: { Switch: { target: 'Deciding', actions: usage('SWITCHED') } } },
        Deciding: {
          always: [{ target: 'Off', guard: 'isBright', actions: usage('SKIPPED') }, 'On'],
        },
        On: {},
      },
    }),
  });

  it('are part of the step that enables them', () => {
    const at = (bright: boolean) => step(machine, { state: 'Off', context: { bright } }, 'Switch');
    expect(at(true)).toMatchObject({ next: 'Off', changed: false });
    expect(at(false)).toMatchObject({ next: 'On', effects: [{ type: 'SWITCHED' }] });
  });

  it('without a target are taken once, though they stay enabled', () => {
    const noting = defineLifecycle({
      resource: 'Note',
      version: 1,
      machine: setup({ actions: effects }).createMachine({
        initial: 'A',
        states: { A: { on: { Go: 'B' } }, B: { always: { actions: usage('NOTED') } } },
      }),
    });
    expect(step(noting, { state: 'A' }, 'Go')).toMatchObject({
      next: 'B',
      effects: [{ type: 'NOTED' }],
    });
  });

  it('leave no state behind in which no row can rest', () => {
    expect(machine.states.map(({ name }) => name)).toEqual(['Off', 'On']);
  });
});

describe('guards on what follows a step', () => {
  const machine = defineLifecycle({
    resource: 'Job',
    version: 1,
    machine: setup({
      types: {} as { context: { paid: unknown }; events: { type: 'Go' } | { type: 'Pay' } },
      actions: effects,
      guards: {
        isGo: ({ event }) => event.type === 'Go',
        // Truthy is enough for XState.
        isPaid: ({ context }) => context.paid as boolean,
      },
    }).createMachine({
      context: { paid: false },
      initial: 'Work',
      states: {
        Work: {
          initial: 'Busy',
          states: {
            Busy: { on: { Go: { target: 'Over', guard: 'isGo' } } },
            Over: { type: 'final' },
          },
          onDone: [{ target: 'Wrong', guard: 'isGo' }, { target: 'Asked' }],
        },
        Wrong: {},
        Asked: { always: [{ target: 'Wrong', guard: 'isGo' }, { target: 'Right' }] },
        Right: { on: { Pay: { target: 'Work', guard: 'isPaid' } } },
      },
    }),
  });

  it('see the event they are asked for: completions are not the caller’s event', () => {
    expect(step(machine, { state: 'Work.Busy', context: { paid: 0 } }, 'Go')).toMatchObject({
      next: 'Right',
    });
  });

  it('hold when they answer anything truthy', () => {
    expect(step(machine, { state: 'Right', context: { paid: 'cash' } }, 'Pay').lawful).toBe(true);
    expect(step(machine, { state: 'Right', context: { paid: '' } }, 'Pay').lawful).toBe(false);
  });
});

describe('one guard on several transitions', () => {
  const region = (guard: never) => ({
    initial: 'x',
    states: { x: { on: { Go: { target: 'y', guard } } }, y: {} },
  });
  const parallel = (a: unknown, b: unknown) =>
    defineLifecycle({
      resource: 'Pair',
      version: 1,
      machine: setup({ guards: { isOpen: () => true } }).createMachine({
        type: 'parallel',
        states: { a: region(a as never), b: region(b as never) },
      }),
    });
  const start = '{"a":"x","b":"x"}';

  it('is asked once a step', () => {
    const rows = parallel('isOpen', 'isOpen').table.rows.get(start)?.get('Go');
    expect(rows?.map(({ guards }) => guards.length)).toEqual([1]);
  });

  it('is told from another that combines to the same words', () => {
    type Context = Readonly<Record<'a' | 'b' | 'a, b' | 'b, c' | 'c', boolean>>;
    const named =
      (name: keyof Context) =>
      ({ context }: { context: Context }) =>
        context[name];
    const machine = defineLifecycle({
      resource: 'Pair',
      version: 1,
      machine: setup({
        types: {} as { context: Context; events: { type: 'Go' } },
        guards: { a: named('a'), 'a, b': named('a, b'), 'b, c': named('b, c'), c: named('c') },
      }).createMachine({
        context: { a: false, b: false, 'a, b': false, 'b, c': false, c: false },
        initial: 'x',
        states: {
          x: {
            on: {
              Go: [
                { target: 'y', guard: and(['a, b', 'c']) },
                { target: 'z', guard: and(['a', 'b, c']) },
              ],
            },
          },
          y: {},
          z: {},
        },
      }),
    });
    const context = { a: true, b: false, 'a, b': false, 'b, c': true, c: true };
    expect(step(machine, { state: 'x', context }, 'Go')).toMatchObject({ next: 'z' });
  });

  it('is not asked where the states alone decide', () => {
    const both = and([stateIn({ a: 'x' }), stateIn({ b: 'x' })]);
    const none = or([stateIn({ a: 'y' }), stateIn({ b: 'y' })]);
    const machine = parallel(both, none);
    expect(machine.table.rows.get(start)?.get('Go')).toMatchObject([
      { next: '{"a":"y","b":"x"}', guards: [] },
    ]);
    expect(machine.table.rows.get('{"a":"y","b":"x"}')?.get('Go')).toMatchObject([
      { next: '{"a":"y","b":"y"}', guards: [] },
    ]);
  });
});

describe('a final state', () => {
  const machine = defineLifecycle({
    resource: 'Ticket',
    version: 1,
    initialStates: ['Closed'],
    machine: setup({ actions: effects }).createMachine({
      initial: 'Open',
      on: { Close: '.Closed' },
      after: { 1000: '.Closed' },
      exit: usage('TICKET.END'),
      states: { Open: {}, Closed: { type: 'final' } },
    }),
  });

  it('takes no event, not even one of the machine itself, and stops every deadline', () => {
    expect(step(machine, { state: 'Open' }, 'Close')).toMatchObject({
      next: 'Closed',
      cancels: ['/1000'],
      effects: [{ type: 'TICKET.END' }],
    });
    expect(step(machine, { state: 'Closed' }, 'Close').lawful).toBe(false);
    expect(creation(machine, 'Closed')).toMatchObject({ lawful: true, arms: [] });
    expect(machine.states.find(({ name }) => name === 'Closed')).toMatchObject({
      final: true,
      deadline: null,
    });
  });
});
