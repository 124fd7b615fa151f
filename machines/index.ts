/**
 * The four built-in lifecycles, ready to be used and to be read as examples.
 *
 * @module
 */
import type { AnyLifecycle } from '../src/core/lifecycle/lifecycle.js';
import { network } from './network.js';
import { snapshot } from './snapshot.js';
import { virtualMachine } from './virtual-machine.js';
import { volume } from './volume.js';

export { network, snapshot, virtualMachine, volume };

/** Every built-in lifecycle. */
export const machines: readonly AnyLifecycle[] = Object.freeze([
  virtualMachine,
  network,
  volume,
  snapshot,
]);
