import { cloudStackMeters } from '../src/tools/check/cloudstack.js';
import { defineCheck, type LifecycleCheck } from '../src/tools/check/define-check.js';
import { cloudStackEventTypes } from '../src/core/events/cloudstack-event-types.js';
import { network } from './network.js';
import { snapshot } from './snapshot.js';
import { virtualMachine } from './virtual-machine.js';
import { volume } from './volume.js';

const [allocation, running] = cloudStackMeters.VirtualMachine;
const [allocated] = cloudStackMeters.Volume;

const migrationMeters =
  'Usage events are exactly those of CloudStack. Migrating does not tell whether the machine was running (MigrationRequested) or stopped (StorageMigrationRequested) before, so its exits cannot know what to announce. Who reports the outcome knows, and announces VM.STOP or VM.START in the same transaction.';
const restoreMeters =
  'Usage events are exactly those of CloudStack. Restoring does not tell whether the machine was destroyed before. Who restores a destroyed machine knows, and announces VM.CREATE in the same transaction.';

/** Checks of the built-in lifecycles, with the accepted findings and their reasons. */
export const builtInChecks: readonly LifecycleCheck[] = Object.freeze([
  defineCheck(virtualMachine, {
    eventTypes: cloudStackEventTypes,
    meters: [
      { ...allocation, closedIn: [...allocation.closedIn, 'Expunged'] },
      { ...running, closedIn: [...running.closedIn, 'Expunged'] },
    ],
    suppressions: [
      {
        code: 'METER_LEFT_OPEN',
        meter: running.name,
        state: 'Migrating',
        reason: migrationMeters,
      },
      { code: 'METER_NOT_OPEN', meter: running.name, state: 'Migrating', reason: migrationMeters },
      { code: 'METER_NOT_OPEN', meter: allocation.name, state: 'Restoring', reason: restoreMeters },
    ],
  }),
  defineCheck(network, { eventTypes: cloudStackEventTypes }),
  defineCheck(volume, {
    eventTypes: cloudStackEventTypes,
    meters: [allocated],
    suppressions: [
      {
        code: 'NO_FINAL_STATE',
        reason: 'A backup can bring a volume back even after it was expunged.',
      },
      {
        code: 'METER_STARTED_TWICE',
        meter: allocated.name,
        to: 'Ready',
        reason:
          'A volume is metered from its allocation. VOLUME.CREATE after a copy renews the record with the size and the place it has now, as in CloudStack.',
      },
      {
        code: 'METER_STOPPED_TWICE',
        meter: allocated.name,
        state: 'Destroy',
        to: 'Destroy',
        reason:
          'The removal of a destroyed volume may be reported again. A stop of a meter that stands still costs nobody anything.',
      },
      {
        code: 'METER_LEFT_OPEN',
        meter: allocated.name,
        state: 'Expunging',
        to: 'Expunged',
        reason:
          'Whoever destroys a volume reports the outcome at once, in Destroy, and that announces VOLUME.DELETE, as in CloudStack; expunging comes later.',
      },
    ],
  }),
  defineCheck(snapshot, { eventTypes: cloudStackEventTypes }),
]);
