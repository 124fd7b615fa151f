import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { defineLifecycle, defineEventTypes } from '../../../src/index.js';
import {
  checkLifecycle,
  defineCheck,
  findingKinds,
  type CheckOptions,
  type LifecycleDeclaration,
} from '../../../src/tools/check/index.js';
import { traceText } from '../../../src/tools/check/trace.js';
import { placeText } from '../../../src/tools/check/finding.js';
import { tiny } from './tiny.js';

function found(declaration: LifecycleDeclaration, options: CheckOptions = {}): readonly string[] {
  return checkLifecycle(declaration, options).findings.map(
    ({ code, place }) => `${code} ${placeText(place)}`,
  );
}

describe('shape', () => {
  it('finds nothing in a lifecycle that comes to its end', () => {
    expect(found(tiny('a b~ c!', ['a Go b', 'b Done c', 'b Failed a']))).toEqual([]);
  });

  it('finds a state that no path reaches, and blames it for nothing else', () => {
    expect(found(tiny('a b! c', ['a Go b']))).toEqual(['UNREACHABLE_STATE Tiny: c']);
  });

  it('takes every creation for a way in', () => {
    expect(found(tiny('a b! c', ['a Go b', 'c Go b'], { initialStates: ['c'] }))).toEqual([]);
  });

  it('finds a dead end though it takes events that lead nowhere', () => {
    expect(found(tiny('a b! c', ['a Go b', 'a Err c', 'c Again c']))).toEqual(['DEAD_END Tiny: c']);
  });

  it('finds a livelock once, with the shortest way into it', () => {
    const declaration = tiny('a x~ y~ z!', [
      'a Go z',
      'a Long x',
      'x Done y',
      'x Failed y',
      'y Done x',
      'y Failed x',
    ]);
    const { findings } = checkLifecycle(declaration);
    expect(findings.map(({ code }) => code)).toEqual(['LIVELOCK']);
    expect(traceText(findings[0]?.trace ?? [])).toBe('created in a --Long--> x');
  });

  it('finds a lifecycle without an end', () => {
    expect(found(tiny('a b', ['a Go b', 'b Back a']))).toEqual(['NO_FINAL_STATE Tiny']);
  });
});

describe('transitional states', () => {
  it('must have an exit for failure', () => {
    expect(found(tiny('a b~ c!', ['a Go b', 'b Done c', 'b Failed b']))).toEqual([
      'NO_FAILURE_EXIT Tiny: b',
    ]);
  });

  it('may be left for failure by a deadline', () => {
    expect(found(tiny('a b~ c!', ['a Go b', 'b Done c', 'b DeadlineExceeded a']))).toEqual([]);
  });

  it('are held to the failure events that are named', () => {
    const declaration = tiny('a b~ c!', ['a Go b', 'b Done c', 'b Aborted a', 'b Lost b']);
    expect(found(declaration)).toEqual([]);
    expect(found(declaration, { failureEvents: ['Lost'] })).toEqual(['NO_FAILURE_EXIT Tiny: b']);
  });

  it('must have a deadline', () => {
    const { states, ...rest } = tiny('a b~ c!', ['a Go b', 'b Done c', 'b Failed a']);
    expect(
      found({ ...rest, states: states.map((state) => ({ ...state, deadline: null })) }),
    ).toEqual(['NO_DEADLINE Tiny: b']);
  });

  it('are told from stable ones by an event of success, when nothing is said of them', () => {
    const { states, ...rest } = tiny('a b c!', ['a Go b', 'b Succeeded c', 'b Failed a']);
    const unsaid = states.map(({ name, final = false }) => ({ name, final }));
    expect(found({ ...rest, states: unsaid })).toEqual(['NO_DEADLINE Tiny: b']);
  });

  it('should take the failure event that most of them take', () => {
    expect(
      found(
        tiny('a x~ y~ z~ e!', [
          'a X x',
          'a Y y',
          'a Z z',
          'x Done e',
          'x Failed a',
          'y Done e',
          'y Failed a',
          'z Done e',
          'z ZFailed a',
        ]),
      ),
    ).toEqual(['FAILURE_EVENT_NOT_TAKEN Tiny: z --Failed-->']);
  });
});

describe('guards', () => {
  const states = 'a b! c!';

  it.each([
    ['two that can hold together', ['a Go b ?p', 'a Go c ?q'], 'GUARDS_OVERLAP'],
    ['the same twice', ['a Go b ?p', 'a Go c ?p'], 'NEVER_TAKEN'],
    ['one behind an unconditional one', ['a Go b', 'a Go c ?p'], 'NEVER_TAKEN'],
    ['what two earlier ones exhaust', ['a Go b ?p', 'a Go b ?not(p)', 'a Go c'], 'NEVER_TAKEN'],
    ['one that contradicts itself', ['a Go b ?and(p,not(p))', 'a Go c'], 'GUARD_NEVER_HOLDS'],
    ['two conditions that contradict', ['a Go b ?p ?not(p)', 'a Go c'], 'GUARD_NEVER_HOLDS'],
  ])('finds %s', (_, transitions, code) => {
    const reachable = [...transitions, 'a Other b', 'a Another c'];
    const codes = checkLifecycle(tiny(states, reachable)).findings.map((finding) => finding.code);
    expect(codes).toEqual([code]);
  });

  it.each([
    ['that exclude each other', ['a Go b ?p', 'a Go c ?not(p)']],
    ['with a default', ['a Go b ?p', 'a Go c']],
    ['of which the earlier is a special case', ['a Go b ?and(p,q)', 'a Go c ?p']],
    ['with one outcome', ['a Go b ?p', 'a Go b ?q', 'a Other c']],
  ])('finds nothing in guards %s', (_, transitions) => {
    expect(found(tiny(states, transitions))).toEqual([]);
  });

  it('are found in a compiled lifecycle as in the declaration it was made from', () => {
    const lifecycle = defineLifecycle({
      resource: 'Compiled',
      version: 1,
      machine: setup({
        types: {} as { events: { type: 'E' } | { type: 'F' } | { type: 'G' } },
        guards: { p: () => true, q: () => true },
      }).createMachine({
        initial: 'a',
        states: {
          a: {
            on: {
              E: [{ target: 'b', guard: 'p' }, { target: 'c', guard: 'p' }, { target: 'c' }],
              F: [
                { target: 'b', guard: 'p' },
                { target: 'c', guard: 'q' },
              ],
              G: [{ target: 'b', guard: 'p' }, { target: 'c' }],
            },
          },
          b: { type: 'final' },
          c: { type: 'final' },
        },
      }),
    });
    expect(found(lifecycle)).toEqual([
      'NEVER_TAKEN Compiled: a --E--> c',
      'GUARDS_OVERLAP Compiled: a --F--> c',
    ]);
  });
});

describe('announcements', () => {
  it('finds an event that no state takes', () => {
    expect(found(tiny('a b!', ['a Go b'], { events: ['Go', 'Stop'] }))).toEqual([
      'EVENT_NOT_TAKEN Tiny: Stop',
    ]);
  });

  it('finds a transition that announces nothing', () => {
    const { transitions, ...rest } = tiny('a b!', ['a Go b', 'a Tell b +VM.START']);
    const silent = transitions.map((transition) => ({ ...transition, silent: true }));
    expect(found({ ...rest, transitions: silent })).toEqual([
      'ANNOUNCES_NOTHING Tiny: a --Go--> b',
    ]);
  });

  it('finds an event type that is not declared, where types are declared', () => {
    const declaration = tiny('a b!', ['a Go b +LB.SATRT']);
    expect(found(declaration, { eventTypes: defineEventTypes({ usage: ['LB.START'] }) })).toEqual([
      'UNKNOWN_EVENT_TYPE Tiny: a --Go--> b, LB.SATRT',
    ]);
    expect(found(declaration)).toEqual([]);
    expect(found(declaration, { eventTypes: defineEventTypes({ usage: ['LB.SATRT'] }) })).toEqual(
      [],
    );
  });

  it('tells of one what makes it known to a check', () => {
    expect(findingKinds.UNKNOWN_EVENT_TYPE.remedy).toContain(
      'defineCheck(lifecycle, { eventTypes })',
    );
    const eventTypes = defineEventTypes({ usage: ['LB.SATRT'] });
    const check = defineCheck(tiny('a b!', ['a Go b +LB.SATRT']), { eventTypes });
    expect(checkLifecycle(check.lifecycle, check).findings).toEqual([]);
  });
});

describe('meters', () => {
  const meter = { name: 'm', starts: ['VM.START'], stops: ['VM.STOP'] };

  it.each([
    [
      'left open at the end',
      ['a Go b +VM.START', 'b End c'],
      'METER_LEFT_OPEN Tiny: b --End--> c, meter m',
    ],
    [
      'started twice',
      ['a Go b +VM.START', 'b Again b +VM.START', 'b End c +VM.STOP'],
      'METER_STARTED_TWICE Tiny: b --Again--> b, meter m',
    ],
    [
      'stopped twice',
      ['a Go b +VM.START', 'b End c +VM.STOP +VM.STOP'],
      'METER_STOPPED_TWICE Tiny: b --End--> c, meter m',
    ],
    [
      'that no cycle ever stops',
      ['a Go b +VM.START', 'b X d', 'd X b', 'a End c +VM.START +VM.STOP'],
      'METER_LEFT_OPEN Tiny: b, meter m',
    ],
  ])('finds one %s', (_, transitions, expected) => {
    const states = transitions.some((text) => text.includes(' d')) ? 'a b c! d' : 'a b c!';
    expect(found(tiny(states, transitions), { meters: [meter] })).toEqual([expected]);
  });

  it('finds one that stands still where it must run, and blames no later step for it', () => {
    const declaration = tiny('a b c!', ['a Go b', 'a Start b +VM.START', 'b End c +VM.STOP']);
    expect(found(declaration, { meters: [{ ...meter, openIn: ['b'] }] })).toEqual([
      'METER_NOT_OPEN Tiny: a --Go--> b, meter m',
    ]);
  });

  it('accepts starts and stops that alternate round a cycle', () => {
    const declaration = tiny('a b c!', ['a Go b +VM.START', 'b Back a +VM.STOP', 'a End c']);
    expect(found(declaration, { meters: [meter] })).toEqual([]);
  });
});
