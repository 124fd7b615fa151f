import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { setup } from 'xstate';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { step } from '../../../src/core/lifecycle/step.js';
import { Oracle } from './agrees-with-xstate.js';
import {
  defineRandom,
  everyAnswer,
  machineOf,
  machinesToTry,
  randomShape,
} from './random-machine.js';

// The oldest version of the peer range, in place of the one that the other tests run.
vi.mock('xstate', async () => await import('xstate-oldest'));

describe('the oldest xstate of the peer range', () => {
  it('compiles machines to tables that agree with its own steps', () => {
    let compared = 0;
    fc.assert(
      fc.property(randomShape, (shape) => {
        const machine = machineOf(shape);
        const lifecycle = defineRandom(machine);
        if (lifecycle === undefined) return;
        const oracle = new Oracle(machine, lifecycle);
        oracle.compareBirth();
        for (const context of everyAnswer) {
          oracle.compareSteps({ ...context });
          oracle.compareDeadlines({ ...context });
        }
        compared += oracle.compared;
      }),
      { ...machinesToTry, numRuns: 20 },
    );
    expect(compared).toBeGreaterThan(20);
  });

  it('decides what a machine does: here a refused exact event does not fall to a wildcard', () => {
    const door = defineLifecycle({
      resource: 'Door',
      version: 1,
      machine: setup({ guards: { isOpen: () => false } }).createMachine({
        initial: 'A',
        states: { A: { on: { Go: { target: 'B', guard: 'isOpen' }, '*': 'C' } }, B: {}, C: {} },
      }),
    });
    expect(step(door, { state: 'A', context: {} }, 'Go' as never).lawful).toBe(false);
  });
});
