import { initialTransition, transition } from 'xstate';
import { virtualMachineMachine } from '../../build/machines/virtual-machine.js';
import { virtualMachine } from '../../dist/machines.js';
import { step as take } from '../../dist/lifecycle.js';
import { figure } from '../figure.mjs';
import { compare, looped } from '../measure.mjs';

/** A machine's start and stop, over and over. */
const cycle = ['StartRequested', 'OperationSucceeded', 'StopRequested', 'OperationSucceeded'];

/** step() on the compiled table against XState's own pure transition() on the same machine. */
export const step = {
  name: 'step',
  title: 'one step in memory',
  async run(options) {
    const [subject, reference] = await compare(
      [
        looped('step()', 1, async () => steps(100_000)),
        looped("XState's transition()", 1, async () => transitions(400)),
      ],
      options,
    );
    const name = 'step()';
    return {
      settings: { machine: 'VirtualMachine' },
      figures: [figure({ name, goal: { least: 200 }, subject, reference })],
    };
  },
};

function steps(count) {
  let state = 'Stopped';
  for (let index = 0; index < count; index += 1) {
    const result = take(virtualMachine, { state }, cycle[index & 3]);
    if (!result.lawful) throw new Error(`${cycle[index & 3]} is refused in ${state}`);
    state = result.next;
  }
  return count;
}

function transitions(count) {
  let [snapshot] = initialTransition(virtualMachineMachine);
  for (let index = 0; index < count; index += 1) {
    [snapshot] = transition(virtualMachineMachine, snapshot, { type: cycle[index & 3] });
  }
  if (snapshot.value !== 'Stopped') throw new Error(`XState ends in ${snapshot.value}`);
  return count;
}
