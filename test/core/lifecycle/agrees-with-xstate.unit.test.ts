import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Oracle } from './agrees-with-xstate.js';
import {
  defineRandom,
  everyAnswer,
  machineOf,
  machinesToTry,
  randomShape,
  timeToTry,
} from './random-machine.js';

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
