/**
 * The four built-in lifecycles, to use and to read as examples, and the event types of CloudStack that they
 * announce.
 *
 * @module
 */
import type { AnyLifecycle } from '../src/core/lifecycle/lifecycle.js';
import { network } from './network.js';
import { snapshot } from './snapshot.js';
import { virtualMachine } from './virtual-machine.js';
import { volume } from './volume.js';

export { cloudStackEventTypes } from '../src/core/events/cloudstack-event-types.js';
export type { NetworkEvent } from './network.js';
export type { SnapshotEvent } from './snapshot.js';
export type { VirtualMachineEvent } from './virtual-machine.js';
export type { VolumeEvent } from './volume.js';
export { network, snapshot, virtualMachine, volume };

/** Every built-in lifecycle. */
export const machines: readonly AnyLifecycle[] = Object.freeze([
  virtualMachine,
  network,
  volume,
  snapshot,
]);
