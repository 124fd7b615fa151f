import { describe, expect, it } from 'vitest';
import { networkMachine } from '../../machines/network.js';
import { snapshotMachine } from '../../machines/snapshot.js';
import { virtualMachineMachine } from '../../machines/virtual-machine.js';
import { volumeMachine } from '../../machines/volume.js';
import { network, snapshot, virtualMachine, volume } from '../../machines/index.js';
import { Oracle } from '../core/lifecycle/agrees-with-xstate.js';

describe.each([
  [virtualMachine, virtualMachineMachine],
  [network, networkMachine],
  [volume, volumeMachine],
  [snapshot, snapshotMachine],
] as const)('the table of $resource', (lifecycle, machine) => {
  it('agrees with XState for every state, event and deadline', () => {
    const oracle = new Oracle(machine, lifecycle);
    oracle.compareBirth();
    oracle.compareSteps({});
    oracle.compareDeadlines({});
    expect(oracle.compared).toBeGreaterThanOrEqual(lifecycle.transitions.length);
  });
});
