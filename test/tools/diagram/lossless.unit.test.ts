import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setup } from 'xstate';
import { effects } from '../../../src/core/lifecycle/effects.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { describeLifecycle } from '../../../src/core/lifecycle/describe-lifecycle.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { creation, step, stepDeadline } from '../../../src/core/lifecycle/step.js';
import { diffLifecycles } from '../../../src/tools/diagram/lifecycle-diff.js';
import {
  everyAnswer,
  machineOf,
  machinesToTry,
  randomEvents,
  randomShape,
  timeToTry,
} from '../../core/lifecycle/random-machine.js';

/** What a resource does: every event and deadline in every state, for every answer of the guards. */
function behaviour(lifecycle: AnyLifecycle): string {
  const steps = lifecycle.states.flatMap(({ name, tags, final }) =>
    everyAnswer.flatMap((context) => [
      { name, tags: tags.toSorted(), final },
      ...[...lifecycle.events].toSorted().map((event) => {
        const taken = step(lifecycle, { state: name, context }, event);
        return taken.lawful ? [event, taken.to, taken.effects, taken.arms, taken.cancels] : [event];
      }),
      ...(lifecycle.table.armed.get(name) ?? []).map(({ id, after, alert }) => {
        const passed = stepDeadline(lifecycle, { state: name, context }, id);
        const row = passed.lawful ? passed.row : undefined;
        return [id, after, alert, row?.to, row?.effects, row?.arms, row?.cancels];
      }),
    ]),
  );
  return JSON.stringify([creation(lifecycle), lifecycle.initialStates, steps]);
}

function defined(machine: () => object): AnyLifecycle | undefined {
  try {
    return defineLifecycle({
      resource: 'Random',
      version: 1,
      machine: machine() as ReturnType<typeof machineOf>,
      events: [...randomEvents],
    });
  } catch {
    return undefined;
  }
}

/** The same machine with one number or flag of its shape changed. */
function mutated<T>(shape: T, pick: number): T {
  const text = JSON.stringify(shape);
  const places = [...text.matchAll(/:(true|false|1000|2000|\d+)|\[(1000|2000),/g)];
  const place = places[pick % Math.max(1, places.length)];
  if (place?.index === undefined) return shape;
  const [found] = place;
  const other = found
    .replace('1000', '3000')
    .replace('2000', '4000')
    .replace(/true|false/, (flag) => (flag === 'true' ? 'false' : 'true'))
    .replace(/^:(\d+)$/, (_, digits: string) => `:${Number(digits) + 1}`);
  const changed = text.slice(0, place.index) + other + text.slice(place.index + found.length);
  return JSON.parse(changed) as T;
}

describe('the description of a lifecycle', () => {
  it(
    'differs where the behaviour does, and the difference is told',
    () => {
      let differed = 0;
      fc.assert(
        fc.property(randomShape, fc.nat(), (shape, pick) => {
          const before = defined(() => machineOf(shape));
          const after = defined(() => machineOf(mutated(shape, pick)));
          if (before === undefined || after === undefined) return;
          const [old, next] = [describeLifecycle(before), describeLifecycle(after)];
          if (behaviour(before) === behaviour(after)) return;
          differed += 1;
          expect(next).not.toEqual(old);
          const { changes } = diffLifecycles(old, { ...next, version: 2 });
          expect(changes).not.toEqual([]);
        }),
        { ...machinesToTry, numRuns: machinesToTry.numRuns * 3 },
      );
      expect(differed).toBeGreaterThan(0);
    },
    timeToTry,
  );

  it('is nothing but itself: no difference to itself', () => {
    fc.assert(
      fc.property(randomShape, (shape) => {
        const lifecycle = defined(() => machineOf(shape));
        if (lifecycle === undefined) return;
        const description = describeLifecycle(lifecycle);
        expect(diffLifecycles(description, structuredClone(description)).changes).toEqual([]);
      }),
      machinesToTry,
    );
  });

  const waiting = (after: Record<string, unknown>, on: object = {}): AnyLifecycle =>
    defineLifecycle({
      resource: 'Waiting',
      version: 1,
      machine: setup({ actions: effects }).createMachine({
        initial: 'A',
        states: { A: { after, on } as never, Error: { type: 'final' } },
      }),
    });
  const alert = (type: string) => ({
    actions: { type: 'alert', params: { type } },
  });
  it.each([
    ['the later of two delays', { 600000: {}, 3600000: 'Error' }, { 600000: {}, 7200000: 'Error' }],
    [
      'a transition that begins anew',
      { 600000: { target: 'A' } },
      { 600000: { target: 'A', reenter: true } },
    ],
    ['the type of an alert', { 600000: alert('ALERT.USERVM') }, { 600000: alert('ALERT.HOST') }],
  ])('tells %s', (_, before, after) => {
    const [old, next] = [before, after].map((one) => describeLifecycle(waiting(one)));
    if (old === undefined || next === undefined) throw new Error('both are described');
    expect(next).not.toEqual(old);
    expect(diffLifecycles(old, { ...next, version: 2 }).changes).not.toEqual([]);
  });
});
