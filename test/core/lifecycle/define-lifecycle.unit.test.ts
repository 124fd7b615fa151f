import { describe, expect, it } from 'vitest';
import { assign, fromPromise, raise, setup, stateIn } from 'xstate';
import type { ErrorCode } from '../../../src/core/errors/codes.js';
import { DefinitionError } from '../../../src/core/errors/errors.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../../src/core/lifecycle/effects.js';

type Machine = Parameters<typeof defineLifecycle>[0]['machine'];
type Options = Omit<Parameters<typeof defineLifecycle>[0], 'machine'>;

/** The fault codes of a declaration, in the order in which they are told. */
function faultsOf(machine: Machine, options: Partial<Options> = {}): readonly ErrorCode[] {
  return errorOf(machine, options).faults.map(({ code }) => code);
}

function errorOf(machine: Machine, options: Partial<Options> = {}): DefinitionError {
  try {
    defineLifecycle({ resource: 'Thing', version: 1, ...options, machine });
  } catch (error) {
    if (error instanceof DefinitionError) return error;
    throw error;
  }
  throw new Error('The declaration was taken.');
}

/** Writes what types would refuse: this is what JavaScript and `as any` let through. */
function machineOf(config: object, implementations: object = { actions: effects }): Machine {
  return () => setup(implementations).createMachine(config as never);
}

const idle = { initial: 'Idle', states: { Idle: {} } };

describe('a declaration', () => {
  it('is refused with every fault, not the first', () => {
    const machine = machineOf({
      initial: 'Idle',
      states: {
        Idle: { on: { Go: { target: 'Busy', actions: ['sendMail', 'usage'] } } },
        Busy: { tags: 'transitional', invoke: { src: fromPromise(async () => 1) } },
      },
    });
    const error = errorOf(machine, {
      resource: 'a.b',
      version: 0,
      initialStates: ['Nowhere'] as never,
    });
    expect(error.faults.map(({ code }) => code).toSorted()).toEqual([
      'FAULT_EFFECT_PARAMS',
      'FAULT_NAME',
      'FAULT_TRANSITIONAL_NO_DEADLINE',
      'FAULT_TRANSITIONAL_NO_FAILURE_EXIT',
      'FAULT_UNKNOWN_ACTION',
      'FAULT_UNKNOWN_INITIAL',
      'FAULT_UNSUPPORTED',
      'FAULT_VERSION',
    ]);
    for (const { message } of error.faults) expect(error.message).toContain(message);
  });

  it('is frozen, deeply, when it is taken', () => {
    const taken = defineLifecycle({
      resource: 'Thing',
      version: 1,
      machine: setup({ actions: effects }).createMachine({
        initial: 'Idle',
        states: {
          Idle: {
            after: { 1000: {} },
            on: {
              Go: {
                actions: { type: 'usage', params: { type: 'A.B', data: { list: [{ n: 1 }] } } },
              },
            },
          },
        },
      }),
    });
    expect(unfrozen(taken, 'lifecycle')).toEqual([]);
  });
});

describe('an action', () => {
  it('keeps a copy of its data, and leaves what the caller holds alone', () => {
    const data = { zone: { name: 'a' } };
    const machine = setup({ actions: effects }).createMachine({
      initial: 'A',
      states: { A: { on: { Go: { actions: { type: 'usage', params: { type: 'T', data } } } } } },
    });
    const taken = defineLifecycle({ resource: 'Thing', version: 1, machine });
    data.zone.name = 'b';
    expect(taken.transitions[0]?.effects[0]?.data).toEqual({ zone: { name: 'a' } });
  });

  it.each<[string, unknown, ErrorCode]>([
    ['assign()', assign({ n: 1 }), 'FAULT_ASSIGN'],
    ['raise()', raise({ type: 'Go' }), 'FAULT_UNKNOWN_ACTION'],
    ['an inline function', () => undefined, 'FAULT_UNKNOWN_ACTION'],
    ['another name', 'sendMail', 'FAULT_UNKNOWN_ACTION'],
    ['another name with params', { type: 'toString', params: {} }, 'FAULT_UNKNOWN_ACTION'],
    ['an effect without params', 'usage', 'FAULT_EFFECT_PARAMS'],
    ['computed params', { type: 'usage', params: () => ({ type: 'A' }) }, 'FAULT_EFFECT_PARAMS'],
    ['params without a type', { type: 'alert', params: { data: {} } }, 'FAULT_EFFECT_PARAMS'],
    [
      'data that is not JSON',
      { type: 'usage', params: { type: 'A', data: { at: new Date(0) } } },
      'FAULT_EFFECT_PARAMS',
    ],
    ['a data list', { type: 'usage', params: { type: 'A', data: [1] } }, 'FAULT_EFFECT_PARAMS'],
    ['a param too many', { type: 'usage', params: { type: 'A', to: 'B' } }, 'FAULT_EFFECT_PARAMS'],
    ['an empty event type', { type: 'action', params: { type: ' ' } }, 'FAULT_NAME'],
    ['a wildcard event type', { type: 'action', params: { type: 'A.*' } }, 'FAULT_NAME'],
  ])('is refused when it is %s, wherever it stands', (_, action, code) => {
    const places = [
      { initial: 'Idle', states: { Idle: { on: { Go: { actions: action } } } } },
      { initial: 'Idle', states: { Idle: { entry: action } } },
      { initial: 'Idle', states: { Idle: { exit: [action] } } },
      { initial: 'Idle', states: { Idle: { after: { 10: { actions: action } } } } },
      { initial: 'Idle', entry: action, states: { Idle: {} } },
    ];
    for (const config of places) expect(faultsOf(machineOf(config))).toEqual([code]);
  });

  it('is refused when assign() hides behind the name of an effect', () => {
    const config = {
      initial: 'Idle',
      states: { Idle: { entry: { type: 'usage', params: { type: 'A' } } } },
    };
    expect(faultsOf(machineOf(config, { actions: { usage: assign({}) } }))).toEqual([
      'FAULT_ASSIGN',
    ]);
    expect(faultsOf(machineOf(config, { actions: { usage: raise({ type: 'X' }) } }))).toEqual([
      'FAULT_UNKNOWN_ACTION',
    ]);
  });
});

describe('a guard', () => {
  it.each<[string, unknown]>([
    ['an inline function', () => true],
    ['a name without implementation', 'unheardOf'],
    ['computed params', { type: 'isFull', params: () => 1 }],
    ['a reference to itself', 'loop'],
    ['asked with a pattern', { type: 'isFull', params: { pattern: /x/ } }],
    ['asked with a number that JSON has not', { type: 'isFull', params: { most: Infinity } }],
    ['asked with a big integer', { type: 'isFull', params: { most: 1n } }],
  ])('is refused when it is %s', (_, guard) => {
    const config = { initial: 'Idle', states: { Idle: { on: { Go: { target: 'Idle', guard } } } } };
    const implementations = { guards: { isFull: () => true, loop: 'loop' } };
    expect(faultsOf(machineOf(config, implementations))).toEqual(['FAULT_INLINE_GUARD']);
  });
});

describe('a state that is no state of the machine', () => {
  const goes = (transition: object) => ({
    initial: 'A',
    states: { A: { on: { Go: transition } } },
  });

  it.each<[string, object]>([
    ['stateIn of nothing', goes({ target: 'A', guard: stateIn({}) })],
    ['stateIn of nothing within a state', goes({ target: 'A', guard: stateIn({ A: {} }) })],
    ['a target that every object has', goes({ target: '__proto__' })],
  ])('is refused: %s', (_, config) => {
    expect(faultsOf(machineOf(config, {}))).toEqual(['FAULT_UNKNOWN_TARGET']);
  });
});

describe('a feature that a durable lifecycle cannot keep', () => {
  const busy = { states: { In: {} }, initial: 'In' };
  it.each<[string, object]>([
    ['invoke', { initial: 'A', states: { A: { invoke: { src: fromPromise(async () => 1) } } } }],
    [
      'a history state of the machine itself',
      { initial: 'A', states: { A: busy, H: { type: 'history' } } },
    ],
    [
      'a history state of parallel regions',
      {
        initial: 'A',
        states: { A: { type: 'parallel', states: { B: busy, H: { type: 'history' } } } },
      },
    ],
    ['output', { initial: 'A', states: { A: { type: 'final', output: 1 } } }],
    ['a computed delay', { initial: 'A', states: { A: { after: { computed: {} } } } }],
    ['a delay without value', { initial: 'A', states: { A: { after: { unheardOf: {} } } } }],
    ['a delay of nothing', { initial: 'A', states: { A: { after: { 0: {} } } } }],
    ['a broken millisecond', { initial: 'A', states: { A: { after: { 0.5: {} } } } }],
    ['two deadlines at once', { initial: 'A', states: { A: { after: { 10: {}, ten: {} } } } }],
    ['effects on initial', { initial: { target: 'A', actions: 'usage' }, states: { A: {} } }],
    ['a context function', { context: () => ({}), ...idle }],
    ['no states', {}],
    ['a region without states', { type: 'parallel', states: { A: busy, B: {} } }],
    [
      'an endless chain',
      { initial: 'A', states: { A: { always: 'B' }, B: { always: 'A' }, C: {} } },
    ],
    [
      'a creation that depends on a guard',
      { initial: 'A', states: { A: { always: { target: 'B', guard: 'isFull' } }, B: {} } },
    ],
    [
      'targets that exclude each other',
      {
        id: 'm',
        initial: 'A',
        states: {
          A: { on: { Go: { target: ['#m.B.x', '#m.B.y'] } } },
          B: { initial: 'x', states: { x: {}, y: {} } },
        },
      },
    ],
    [
      'a target within another, which XState enters besides what else is there',
      {
        id: 'm',
        initial: 'A',
        states: { A: { on: { Go: { target: ['#m', '#m.B'] } } }, B: { on: { Go: 'A' } } },
      },
    ],
  ])('is refused: %s', (_, config) => {
    const implementations = {
      actions: effects,
      delays: { computed: () => 10, ten: 10 },
      guards: { isFull: () => true },
    };
    expect(new Set(faultsOf(machineOf(config, implementations)))).toEqual(
      new Set(['FAULT_UNSUPPORTED']),
    );
  });

  it('names the state and the feature', () => {
    const machine = machineOf({ initial: 'A', states: { A: { after: { soon: {} } } } });
    expect(errorOf(machine).message).toContain("The delay 'soon' in state A");
  });
});

describe('a name', () => {
  const withState = (name: string) => machineOf({ initial: name, states: { [name]: {} } });
  const withEvent = (name: string) =>
    machineOf({ initial: 'A', states: { A: { on: { [name]: { target: 'A', reenter: true } } } } });

  it.each([' ', 'a.b', '{a}', 'a*', '#a', 'a\nb', '-', 'x'.repeat(241)])(
    'is refused for a state: %j',
    (name) => expect(faultsOf(withState(name))).toContain('FAULT_NAME'),
  );

  it.each(['DeadlineExceeded', 'xstate.init', 'a#', 'a\tb', 'ü'.repeat(57)])(
    'is refused for an event: %j',
    (name) => expect(faultsOf(withEvent(name))).toEqual(['FAULT_NAME']),
  );

  it.each(['', 'a.b', '*', 'a\u0000', 'x'.repeat(65)])('is refused for a resource: %j', (name) =>
    expect(faultsOf(machineOf(idle), { resource: name })).toEqual(['FAULT_NAME']),
  );

  it.each(['Über "Größe" <b>', 'x'.repeat(64)])('may hold what a routing key can: %j', (name) => {
    expect(defineLifecycle({ resource: name, version: 1, machine: withState(name) }).initial).toBe(
      name,
    );
  });

  it('is refused for a failure event that nothing takes, with the nearest', () => {
    const error = errorOf(withEvent('Failed'), { failureEvents: ['Faild'] as never });
    expect(error.faults.map(({ code }) => code)).toEqual(['FAULT_NAME']);
    expect(error.message).toContain("Did you mean 'Failed'?");
  });
});

describe('what XState refuses itself', () => {
  it('is told as a DefinitionError when the machine is given as a function', () => {
    const error = errorOf(machineOf({ initial: 'A', states: { A: { on: { Go: 'Nowhere' } } } }));
    expect(error.faults.map(({ code }) => code)).toEqual(['FAULT_UNKNOWN_TARGET']);
    expect(error.message).toContain('Nowhere');
  });
});

describe('a transitional state', () => {
  const working = (on: object, after: object, failureEvents?: readonly string[]) =>
    [
      machineOf({
        initial: 'Working',
        states: { Working: { tags: 'transitional', on, after }, Done: {}, Failed: {} },
      }),
      failureEvents === undefined ? {} : { failureEvents: failureEvents as never },
    ] as const;

  it('needs exits by two events where failures are not named', () => {
    expect(faultsOf(...working({ Ok: 'Done' }, { 10: {} }))).toEqual([
      'FAULT_TRANSITIONAL_NO_FAILURE_EXIT',
    ]);
    expect(faultsOf(...working({ Ok: 'Done', Again: 'Working' }, { 10: {} }))).toEqual([
      'FAULT_TRANSITIONAL_NO_FAILURE_EXIT',
    ]);
    expect(() => errorOf(...working({ Ok: 'Done', Ko: 'Failed' }, { 10: {} }))).toThrow('taken');
    expect(() => errorOf(...working({ Ok: 'Done' }, { 10: 'Failed' }))).toThrow('taken');
  });

  it('needs an exit by a named failure or a deadline where failures are named', () => {
    const on = { Ok: 'Done', Done: 'Done', Ko: 'Working' };
    expect(faultsOf(...working(on, { 10: {} }, ['Ko']))).toEqual([
      'FAULT_TRANSITIONAL_NO_FAILURE_EXIT',
    ]);
    expect(() => errorOf(...working({ Ko: 'Failed' }, { 10: {} }, ['Ko']))).toThrow('taken');
    expect(() => errorOf(...working(on, { 10: 'Failed' }, ['Ko']))).toThrow('taken');
  });

  it('needs a deadline, its own or that of a state around it', () => {
    expect(faultsOf(...working({ Ok: 'Done', Ko: 'Failed' }, {}))).toEqual([
      'FAULT_TRANSITIONAL_NO_DEADLINE',
    ]);
    const nested = machineOf({
      initial: 'Work',
      states: {
        Work: {
          after: { 10: {} },
          initial: 'First',
          on: { Ok: 'Done', Ko: 'Done' },
          states: { First: { tags: 'transitional' } },
        },
        Done: {},
      },
    });
    expect(() => errorOf(nested)).toThrow('taken');
  });

  it('needs neither when it is final', () => {
    const ended = machineOf({
      initial: 'A',
      states: { A: { type: 'final', tags: 'transitional' } },
    });
    expect(() => errorOf(ended)).toThrow('taken');
  });

  it('passes its tag to the states inside it', () => {
    const nested = machineOf({
      initial: 'Work',
      states: { Work: { tags: 'transitional', initial: 'First', states: { First: {} } } },
    });
    expect(faultsOf(nested)).toEqual([
      'FAULT_TRANSITIONAL_NO_FAILURE_EXIT',
      'FAULT_TRANSITIONAL_NO_DEADLINE',
    ]);
  });
});

describe('size', () => {
  it('is refused when regions multiply beyond what can be compiled', () => {
    const region = {
      initial: 's0',
      states: Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`s${index}`, {}])),
    };
    const machine = machineOf({
      type: 'parallel',
      states: { a: region, b: region, c: region, d: region },
    });
    expect(faultsOf(machine)).toContain('FAULT_TOO_MANY_STATES');
  });

  it('is refused when guards multiply beyond what can be compiled', () => {
    const names = Array.from({ length: 200 }, (_, index) => `g${index}`);
    const machine = machineOf(
      {
        initial: 'A',
        states: {
          A: { on: { Go: names.map((guard) => ({ target: 'A', reenter: true, guard })) } },
        },
      },
      { guards: Object.fromEntries(names.map((name) => [name, () => true])) },
    );
    expect(faultsOf(machine)).toEqual(['FAULT_TOO_MANY_STATES']);
  });

  it('may be 2,000 states with 20,000 transitions', () => {
    const states = Array.from({ length: 2000 }, (_, index) => [
      `s${index}`,
      {
        on: Object.fromEntries(
          Array.from({ length: 10 }, (_unused, event) => [
            `e${event}`,
            `s${(index * 7 + event * 13 + 1) % 2000}`,
          ]),
        ),
      },
    ]);
    const lifecycle = defineLifecycle({
      resource: 'Big',
      version: 1,
      machine: machineOf({ initial: 's0', states: Object.fromEntries(states) as object }),
    });
    expect(lifecycle.states).toHaveLength(2000);
    expect(lifecycle.transitions).toHaveLength(20_000);
    expect(lifecycle.table.rows.get('s3')?.get('e2')?.[0]?.to).toBe('s48');
  });
});

function unfrozen(value: unknown, path: string, seen = new Set<unknown>()): readonly string[] {
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  seen.add(value);
  if (value instanceof Map) {
    return [...value].flatMap(([key, item]) => unfrozen(item, `${path}.${String(key)}`, seen));
  }
  if (value instanceof Set) return [];
  const inner = Object.entries(value).flatMap(([key, item]) =>
    unfrozen(item, `${path}.${key}`, seen),
  );
  return Object.isFrozen(value) ? inner : [path, ...inner];
}
