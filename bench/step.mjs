import { initialTransition, transition } from 'xstate';
import { virtualMachine, virtualMachineMachine } from '../dist/machines/virtual-machine.js';
import { step } from '../dist/src/index.js';
import { compare } from './measure.mjs';

/** A machine's start and stop, over and over. */
const cycle = ['StartRequested', 'OperationSucceeded', 'StopRequested', 'OperationSucceeded'];

/** step() on the compiled table against XState's own pure transition() on the same machine. */
export async function stepAgainstXState({ rounds, seconds, log }) {
  log('step() and transition() in turn');
  const results = await compare(
    [
      { name: 'step()', callers: 1, operation: async () => steps(100_000) },
      { name: "XState's transition()", callers: 1, operation: async () => transitions(400) },
    ],
    { rounds, seconds },
  );
  return { settings: { machine: 'VirtualMachine' }, tables: [{ callers: 1, results }] };
}

function steps(count) {
  let state = 'Stopped';
  for (let index = 0; index < count; index += 1) {
    const result = step(virtualMachine, { state }, cycle[index & 3]);
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
