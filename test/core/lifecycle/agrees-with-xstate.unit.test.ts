import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DefinitionError } from '../../../src/core/errors/errors.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { Oracle } from './agrees-with-xstate.js';
import {
  everyAnswer,
  machineOf,
  machinesToTry,
  randomEvents,
  randomShape,
  timeToTry,
} from './random-machine.js';

type Machine = ReturnType<typeof machineOf>;

// A random machine may chain eventless transitions without end, or be born by a guard's answer: the
// compiler refuses those, and XState would not return.
function defineRandom(machine: Machine): AnyLifecycle | undefined {
  try {
    return defineLifecycle({ resource: 'Random', version: 1, machine, events: [...randomEvents] });
  } catch (error) {
    expect(error).toBeInstanceOf(DefinitionError);
    return undefined;
  }
}

describe(`the compiled table (seed ${machinesToTry.seed})`, () => {
  it(
    'agrees with XState for every state, event, context and deadline of random machines',
    () => {
      let defined = 0;
      let compared = 0;
      fc.assert(
        fc.property(randomShape, (shape) => {
          const machine = machineOf(shape);
          const lifecycle = defineRandom(machine);
          if (lifecycle === undefined) return;
          defined += 1;
          const oracle = new Oracle(machine, lifecycle);
          oracle.compareBirth();
          for (const context of everyAnswer) {
            oracle.compareSteps({ ...context });
            oracle.compareDeadlines({ ...context });
          }
          compared += oracle.compared;
        }),
        machinesToTry,
      );
      // Two of three can be defined.
      expect(defined).toBeGreaterThan(machinesToTry.numRuns / 5);
      expect(compared).toBeGreaterThan(machinesToTry.numRuns);
    },
    timeToTry,
  );
});
