import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { effects } from '../../../src/core/lifecycle/effects.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import {
  deadlineExceeded,
  type AnyLifecycle,
  type TransitionDeclaration,
} from '../../../src/core/lifecycle/lifecycle.js';
import { enter, pass, send } from '../../../src/testing/scenario.js';
import { follow, paths } from '../../../src/testing/index.js';
import { checkLifecycle } from '../../../src/tools/check/index.js';
import { neverPassing } from '../../../src/tools/check/never-passing.js';
import { traceCheck } from '../../../src/tools/trace/index.js';
import {
  everyAnswer,
  machineOf,
  machinesToTry,
  randomEvents,
  randomShape,
  timeToTry,
} from '../../core/lifecycle/random-machine.js';
import { record } from '../trace/recorded-life.js';

const minute = 60_000;
const hour = 60 * minute;

/** Two deadlines run in Warm: its own, and that of the state around it. */
const session = defineLifecycle({
  resource: 'Session',
  version: 1,
  machine: setup({ types: {} as { events: { type: 'Ping' } } }).createMachine({
    initial: 'Active',
    states: {
      Active: {
        after: { [hour]: 'Expired' },
        initial: 'Warm',
        states: {
          Warm: {
            after: { [10 * minute]: 'Idle' },
            on: { Ping: { target: 'Warm', reenter: true } },
          },
          Idle: { on: { Ping: 'Warm' } },
        },
      },
      Expired: { type: 'final' },
    },
  }),
});

const guarded = setup({
  types: {} as { events: { type: 'Finish' }; context: { slow: boolean; lost: boolean } },
  actions: effects,
  guards: {
    isSlow: ({ context }) => context.slow,
    isLost: ({ context }) => context.lost,
  },
});

/** Each deadline of Working has a guard of its own. */
const task = defineLifecycle({
  resource: 'Task',
  version: 1,
  machine: guarded.createMachine({
    context: { slow: false, lost: false },
    initial: 'Working',
    states: {
      Working: {
        after: {
          [minute]: { target: 'Late', guard: 'isSlow' },
          [hour]: { target: 'Lost', guard: 'isLost' },
        },
        on: { Finish: 'Done' },
      },
      Late: { on: { Finish: 'Done' } },
      Lost: { type: 'final' },
      Done: { type: 'final' },
    },
  }),
});

const codes = (lifecycle: AnyLifecycle): readonly string[] =>
  checkLifecycle(lifecycle).findings.map(({ code }) => code);

/** A lifecycle in which these timers run in one state. */
function timers(after: Record<number, string | undefined>, within: object = {}): AnyLifecycle {
  const targets = Object.fromEntries(
    Object.entries(after).map(([delay, target]) => [delay, target === undefined ? {} : { target }]),
  );
  return defineLifecycle({
    resource: 'Timed',
    version: 1,
    machine: setup({ types: {} as { events: { type: 'Go' } } }).createMachine({
      initial: 'A',
      states: {
        A: { after: targets, ...within },
        B: { on: { Go: 'C' } },
        C: { type: 'final' },
      },
    } as never),
  });
}

const neverTaken = (lifecycle: AnyLifecycle): readonly (string | undefined)[] =>
  checkLifecycle(lifecycle)
    .findings.filter(({ code }) => code === 'NEVER_TAKEN')
    .map(({ place }) => place.deadline);

describe('a transition by a deadline', () => {
  it('names its deadline, as its row does', () => {
    expect(session.transitions.filter(({ event }) => event === deadlineExceeded)).toMatchObject([
      { from: 'Active.Warm', deadline: `Active/${hour}`, to: 'Expired' },
      { from: 'Active.Warm', deadline: `Active.Warm/${10 * minute}`, to: 'Active.Idle' },
      { from: 'Active.Idle', deadline: `Active/${hour}`, to: 'Expired' },
    ]);
  });

  it('of the state around is no rival of one of the state within', () => {
    expect(codes(session)).toEqual([]);
  });

  it('overlaps with no other deadline of its state, whatever their guards', () => {
    expect(codes(task)).not.toContain('GUARDS_OVERLAP');
    expect(codes(task)).not.toContain('NEVER_TAKEN');
  });

  it('is on the paths, which take the deadline that they name', () => {
    const context = ({ deadline }: TransitionDeclaration) => ({
      slow: deadline === `Working/${minute}`,
      lost: deadline === `Working/${hour}`,
    });
    const ends = paths.allTransitions(task).map((path) => follow(task, path, { context }));
    expect(new Set(ends)).toContain('Lost');
    for (const path of paths.allTransitions(session)) follow(session, path);
  });

  it('has a coverage item of its own', () => {
    const names = new Set(paths.allTransitions(session).map(({ name }) => name));
    expect([...names].join()).toContain(`DeadlineExceeded Active/${hour} -> Expired`);
  });
});

describe('a deadline that never passes', () => {
  it('is found where a shorter one of its state always leaves first', () => {
    expect(neverTaken(timers({ 1000: 'B', 2000: 'C' }))).toEqual(['A/2000']);
    expect(neverTaken(timers({ 1000: 'B', 2000: undefined }))).toEqual(['A/2000']);
  });

  it('is not said of one that the shorter leaves running', () => {
    expect(neverTaken(timers({ 1000: undefined, 2000: 'C' }))).toEqual([]);
  });

  it('is not said where a step within begins the shorter anew', () => {
    const looping = (events: object): AnyLifecycle =>
      timers({ 3000: 'C' }, {
        initial: 'X',
        states: {
          X: { after: { 1000: { target: '#(machine).B' } }, on: events },
          Y: {},
        },
      } as object);
    expect(neverTaken(looping({}))).toEqual(['A/3000']);
    expect(neverTaken(looping({ Go: { target: 'X', reenter: true } }))).toEqual([]);
    expect(neverTaken(looping({ Go: 'Y' }))).toEqual([]);
  });

  it('is found over several states within, by the sum of their delays', () => {
    const chain = (outer: number): AnyLifecycle =>
      timers({ [outer]: 'C' }, {
        initial: 'X',
        states: {
          X: { after: { 1000: 'Y' } },
          Y: { after: { 1000: { target: '#(machine).B' } } },
        },
      } as object);
    expect(neverTaken(chain(1999))).toEqual([]);
    expect(neverTaken(chain(2001))).toEqual(['A/2001']);
  });

  it(
    'is never one that passes in a random machine',
    () => {
      const moves = fc.array(fc.tuple(fc.constantFrom(...randomEvents), fc.nat(3000)), {
        maxLength: 12,
      });
      fc.assert(
        fc.property(
          randomShape,
          moves,
          fc.constantFrom(...everyAnswer),
          (shape, steps, context) => {
            let lifecycle: AnyLifecycle;
            try {
              lifecycle = defineLifecycle({
                resource: 'Random',
                version: 1,
                machine: machineOf(shape),
                events: [...randomEvents],
              });
            } catch {
              return;
            }
            const named = new Set(neverPassing(lifecycle).map(({ id }) => id));
            if (named.size === 0) return;
            let scenario = enter(lifecycle, lifecycle.initial, { ...context });
            for (const [event, wait] of steps) {
              const due = scenario.armed.filter((armed) => armed.due <= scenario.now + wait);
              const first = due.toSorted((a, b) => a.due - b.due)[0];
              if (first !== undefined) {
                expect(named).not.toContain(first.id);
              }
              scenario = pass(scenario, wait).scenario;
              const sent = send(scenario, event);
              if ('scenario' in sent) scenario = sent.scenario;
            }
          },
        ),
        machinesToTry,
      );
    },
    timeToTry,
  );
});

describe('a random machine', () => {
  it(
    'says of every compiled transition which deadline takes it',
    () => {
      fc.assert(
        fc.property(randomShape, (shape) => {
          let lifecycle: AnyLifecycle;
          try {
            lifecycle = defineLifecycle({ resource: 'R', version: 1, machine: machineOf(shape) });
          } catch {
            return;
          }
          for (const [state, byDeadline] of lifecycle.table.timeouts) {
            for (const [id, rows] of byDeadline) {
              expect(rows.every((row) => row.deadline === id && row.from === state)).toBe(true);
            }
          }
          for (const { event, deadline, from, to } of lifecycle.transitions) {
            expect(event === deadlineExceeded).toBe(deadline !== undefined);
            if (deadline === undefined) continue;
            const rows = lifecycle.table.timeouts.get(from)?.get(deadline) ?? [];
            expect(rows.map((row) => row.to)).toContain(to);
          }
        }),
        machinesToTry,
      );
    },
    timeToTry,
  );
});

describe('a trace', () => {
  const life = (after: number, deadline?: string) => {
    const check = traceCheck([session]);
    const events = record(session, [
      { event: 'Created', old: null, new: 'Active.Warm' },
      {
        event: deadlineExceeded,
        ...(deadline === undefined ? {} : { deadline }),
        old: 'Active.Warm',
        new: 'Expired',
        after,
      },
    ]);
    for (const event of events) check.add(event);
    return check.report().listed.map(({ code }) => code);
  };

  it('in which a deadline passed too early has a fault', () => {
    expect(life(minute)).toEqual(['DEADLINE_EARLY']);
    expect(life(minute, `Active/${hour}`)).toEqual(['DEADLINE_EARLY']);
    // Within the tolerance; that the shorter one did not fire is another fault.
    expect(life(hour - minute)).toEqual(['DWELL_EXCEEDED']);
  });

  it('may hold a deadline that only another version knows', () => {
    expect(life(hour, 'Active/1')).toEqual(['DWELL_EXCEEDED']);
  });
});
