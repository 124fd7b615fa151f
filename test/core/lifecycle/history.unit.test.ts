import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { initialTransition, setup, transition, type AnyMachineSnapshot } from 'xstate';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { describeLifecycle } from '../../../src/core/lifecycle/describe-lifecycle.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { plan } from '../../../src/core/lifecycle/plan.js';
import { rememberedAfter } from '../../../src/core/lifecycle/remembered.js';
import { step } from '../../../src/core/lifecycle/step.js';
import { follow } from '../../../src/testing/paths/follow.js';
import { paths } from '../../../src/testing/paths/paths.js';
import { given } from '../../../src/testing/given.js';
import { traceCheck } from '../../../src/tools/trace/trace-check.js';
import { record, stateEvents } from '../../tools/trace/recorded-life.js';
import { diagram, pictureFormats } from '../../../src/tools/diagram/render.js';
import { scxml } from '../../../src/tools/diagram/scxml.js';
import { diffLifecycles } from '../../../src/tools/diagram/lifecycle-diff.js';
import { json } from '../../../src/tools/diagram/json.js';
import { effects } from '../../../src/core/lifecycle/effects.js';
import { machinesToTry, timeToTry } from './random-machine.js';
import { share } from './share.js';

const events = ['a', 'b', 'c'] as const;

interface Shape {
  readonly children: readonly Shape[];
  readonly initial: number;
  readonly history: 'none' | 'shallow' | 'deep' | 'both';
  /** Where a history state leads when nothing is remembered; undefined leaves it to XState. */
  readonly fallback: number | undefined;
  readonly on: readonly (readonly [number, boolean])[];
}

const { shape } = fc.letrec<{ shape: Shape }>((tie) => ({
  shape: fc.record({
    children: fc.oneof(
      { maxDepth: 2 },
      { weight: 1, arbitrary: fc.constant([]) },
      { weight: 2, arbitrary: fc.array(tie('shape'), { minLength: 1, maxLength: 3 }) },
    ),
    initial: fc.nat(2),
    history: fc.constantFrom('none', 'shallow', 'deep', 'both'),
    fallback: fc.option(fc.nat(2), { nil: undefined }),
    on: fc.array(fc.tuple(fc.nat(40), fc.boolean()), { minLength: 1, maxLength: 3 }),
  }) as fc.Arbitrary<Shape>,
}));

const root: fc.Arbitrary<Shape> = fc.record({
  children: fc.array(shape, { minLength: 2, maxLength: 3 }),
  initial: fc.nat(2),
  history: fc.constant('none' as const),
  fallback: fc.constant(undefined),
  on: fc.array(fc.tuple(fc.nat(40), fc.boolean()), { maxLength: 1 }),
});

function machineOf(random: Shape) {
  const ids: string[] = [];
  const collect = ({ children, history }: Shape, id: string): void => {
    if (id !== 'm') ids.push(id);
    if (children.length === 0) return;
    if (history === 'shallow' || history === 'both') ids.push(`${id}-h`);
    if (history === 'deep' || history === 'both') ids.push(`${id}-H`);
    children.forEach((child, index) => collect(child, `${id}-${index}`));
  };
  collect(random, 'm');
  const configOf = ({ children, history, initial, fallback, on }: Shape, id: string): object => {
    const target = fallback === undefined ? undefined : `s${fallback % children.length}`;
    const kinds = history === 'both' ? (['shallow', 'deep'] as const) : [history];
    const pseudo = kinds.flatMap((kind) =>
      kind === 'none'
        ? []
        : [
            [
              kind === 'deep' ? 'H' : 'h',
              {
                id: `${id}-${kind === 'deep' ? 'H' : 'h'}`,
                type: 'history',
                history: kind,
                target,
              },
            ] as const,
          ],
    );
    return {
      id,
      on: Object.fromEntries(
        on.map(([to, reenter], index) => [
          events[index],
          { target: `#${ids[to % ids.length]}`, reenter },
        ]),
      ),
      ...(children.length === 0
        ? {}
        : {
            initial: `s${initial % children.length}`,
            states: Object.fromEntries([
              ...children.map((child, index) => [`s${index}`, configOf(child, `${id}-${index}`)]),
              ...pseudo,
            ]),
          }),
    };
  };
  return setup({
    types: {} as { events: { type: (typeof events)[number] } },
  }).createMachine(configOf(random, 'm') as never);
}

const flat = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value as object)
        .map(([key, inner]) => `${key}.${flat(inner)}`)
        .join();

describe(`history states (seed ${machinesToTry.seed})`, () => {
  it(
    'lead where XState leads, along every walk of a random machine',
    () => {
      let returns = 0;
      fc.assert(
        fc.property(
          root,
          fc.array(fc.constantFrom(...events), { minLength: 4, maxLength: 14 }),
          (random, walk) => {
            const machine = machineOf(random);
            const lifecycle = defineLifecycle({
              resource: 'Random',
              version: 1,
              machine,
              events: [...events] as never,
            }) as AnyLifecycle;
            let [snapshot] = initialTransition(machine) as unknown as [AnyMachineSnapshot];
            let state: string = lifecycle.initial;
            let remembered: string | null = null;
            for (const event of walk) {
              const result = step(lifecycle, { state, remembered }, event);
              expect(result.lawful).toBe(snapshot.can({ type: event }));
              if (!result.lawful) continue;
              [snapshot] = transition(
                machine as never,
                snapshot as never,
                {
                  type: event,
                } as never,
              ) as unknown as [AnyMachineSnapshot];
              if (result.guards.length > 0) returns += 1;
              state = result.next;
              remembered = rememberedAfter(lifecycle.table.histories, remembered, result);
              expect(state).toBe(flat(snapshot.value));
            }
          },
        ),
        { ...machinesToTry, numRuns: machinesToTry.numRuns * 4 },
      );
      expect(returns).toBeGreaterThan(machinesToTry.numRuns / 4);
    },
    timeToTry,
  );

  it(
    'leave only transitions that a way leads to: every path of a random machine can be followed',
    () => {
      fc.assert(
        fc.property(root, (random) => {
          const machine = machineOf(random);
          const lifecycle = defineLifecycle({ resource: 'Random', version: 1, machine });
          for (const path of paths.allTransitions(lifecycle)) follow(lifecycle, path);
          for (const { name } of lifecycle.states) {
            for (const from of lifecycle.states) {
              const way = paths.shortest(lifecycle, from.name, name);
              if (way !== undefined) follow(lifecycle, way);
            }
          }
        }),
        machinesToTry,
      );
    },
    timeToTry,
  );
});

describe('a share that is backed up', () => {
  it('returns to where it came from', () => {
    given(share, 'resting.in-use')
      .when('backUp')
      .then('backing-up')
      .when('done')
      .then('resting.in-use');
    given(share, 'resting.available')
      .when('backUp')
      .then('backing-up')
      .when('done')
      .then('resting.available');
    given(share, 'backing-up', {}, 'resting.in-use').when('done').then('resting.in-use');
  });

  it('goes to the default target where nothing is remembered', () => {
    given(share, 'backing-up').when('done').then('resting.available');
  });

  it('keeps its origin over states in between, and forgets it when it leaves from another', () => {
    given(share, 'resting.in-use')
      .when('backUp')
      .then('backing-up')
      .when('failed')
      .then('error')
      .when('reset')
      .then('resting.in-use')
      .when('detach')
      .then('resting.available')
      .when('backUp')
      .then('backing-up')
      .after({ minutes: 10 })
      .then('error')
      .when('reset')
      .then('resting.available');
  });

  it('is planned by ways that exist', () => {
    const way = plan(share, 'resting.available', 'resting.in-use');
    expect(way).toMatchObject({ possible: true, steps: [{ event: 'attach' }] });
    const lost = defineLifecycle({
      resource: 'Share',
      version: 1,
      machine: machineWithoutAttach(),
      initialStates: ['resting.in-use'],
    });
    expect(plan(lost, 'resting.available', 'resting.in-use').possible).toBe(false);
    expect(
      plan(lost, 'backing-up', 'resting.in-use', { remembered: 'resting.in-use' }),
    ).toMatchObject({
      possible: true,
      steps: [{ event: 'done' }],
    });
  });

  it('has a description that tells origins and what is remembered', () => {
    const { transitions } = describeLifecycle(share);
    expect(transitions).toContainEqual(
      expect.objectContaining({
        from: 'backing-up',
        to: 'resting.in-use',
        guard: 'from(resting.in-use)',
      }),
    );
    expect(transitions).toContainEqual(
      expect.objectContaining({
        from: 'resting.in-use',
        to: 'backing-up',
        remembers: { resting: 'resting.in-use' },
      }),
    );
  });

  it('has a trace in which it returns elsewhere found out', () => {
    const life = (back: string) =>
      stateEvents(
        record(share, [
          { event: 'Created', old: null, new: 'resting.available' },
          { event: 'attach', old: 'resting.available', new: 'resting.in-use' },
          { event: 'backUp', old: 'resting.in-use', new: 'backing-up' },
          { event: 'done', old: 'backing-up', new: back },
        ]),
      );
    const codes = (back: string) => {
      const checking = traceCheck([share]);
      for (const event of life(back)) checking.add(event);
      return checking.report().listed.map(({ code }) => code);
    };
    expect(codes('resting.in-use')).toEqual([]);
    expect(codes('resting.available')).toEqual(['UNLAWFUL_TRANSITION']);
  });

  it.each(pictureFormats)('has its way back drawn to the frame in %s', async (format) => {
    expect(await diagram(share, format)).toMatch(/done \(?(?:<U\+0028>)?H/u);
  });

  it('is SCXML with a history element', () => {
    expect(scxml(share)).toContain('<history id="resting.previous" type="shallow"');
  });

  it('is the same lifecycle when it is read in again from the JSON that is written of it', () => {
    const copy = setup({ actions: effects }).createMachine(json(share) as never);
    const again = defineLifecycle({
      resource: 'Share',
      version: 1,
      initialStates: ['resting.in-use'] as never,
      machine: copy,
    });
    expect(describeLifecycle(again)).toEqual(describeLifecycle(share));
  });

  it('differs from one that remembers the innermost state', () => {
    const { transitions } = describeLifecycle(share);
    const forgetful = transitions.map((transition) => ({ ...transition, remembers: {} }));
    const other = { ...describeLifecycle(share), transitions: forgetful };
    expect(diffLifecycles(describeLifecycle(share), other).changes.length).toBeGreaterThan(0);
  });
});

function machineWithoutAttach() {
  return setup({
    types: {} as { events: { type: 'detach' } | { type: 'backUp' } | { type: 'done' } },
  }).createMachine({
    initial: 'resting',
    states: {
      resting: {
        initial: 'available',
        states: {
          available: {},
          'in-use': { on: { detach: 'available' } },
          back: { type: 'history' },
        },
        on: { backUp: 'backing-up' },
      },
      'backing-up': { on: { done: 'resting.back' } },
    },
  });
}
