import { setup, type AnyStateMachine } from 'xstate';
import { defineLifecycle } from '../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../src/core/lifecycle/effects.js';
import { day, hour } from './durations.js';

/** An event of the lifecycle. */
export type SnapshotEvent =
  | 'CreateRequested'
  | 'OperationNotPerformed'
  | 'BackupToSecondary'
  | 'DestroyRequested'
  | 'CopyingRequested'
  | 'OperationSucceeded'
  | 'OperationFailed';

const machine = setup({
  types: {} as { events: { type: SnapshotEvent }; tags: 'transitional' | 'stable' },
  actions: effects,
}).createMachine({
  initial: 'Allocated',
  states: {
    Allocated: {
      tags: 'stable',
      on: {
        CreateRequested: 'Creating',
        OperationFailed: {
          target: 'Error',
          description:
            'A snapshot whose work fails before it begins had no way to say so, and stayed in Allocated for ever.',
        },
        DestroyRequested: {
          target: 'Destroyed',
          description:
            'A snapshot that was never begun can be let go at once: nothing of it is on storage.',
        },
      },
      after: {
        [day]: {
          target: 'Error',
          description:
            'A snapshot that nobody began in a day was forgotten, by a restart as a rule. Nothing of it is on storage, so the move is safe.',
        },
      },
    },
    Creating: {
      tags: 'transitional',
      on: {
        OperationSucceeded: 'CreatedOnPrimary',
        OperationNotPerformed: 'BackedUp',
        OperationFailed: 'Error',
      },
      after: {
        [6 * hour]: {
          description:
            'The storage may have made the snapshot without saying so, and Error would let go of it: an alert and no move.',
        },
      },
    },
    CreatedOnPrimary: {
      tags: 'stable',
      on: {
        BackupToSecondary: 'BackingUp',
        OperationNotPerformed: 'BackedUp',
        DestroyRequested: {
          target: 'Destroying',
          description:
            'A snapshot that is not backed up could not be deleted before it was backed up.',
        },
      },
    },
    BackingUp: {
      tags: 'transitional',
      on: {
        OperationSucceeded: 'BackedUp',
        OperationFailed: 'Error',
        OperationNotPerformed: 'BackedUp',
        // Asking again is a new attempt: it gets the whole time again.
        BackupToSecondary: { target: 'BackingUp', reenter: true },
      },
      after: {
        [day]: {
          target: 'Error',
          description:
            'A backup without an outcome has lost its worker, by a restart as a rule. The volume is not touched by it, so the move that a reported failure takes is safe.',
        },
      },
    },
    BackedUp: {
      tags: 'stable',
      on: {
        DestroyRequested: 'Destroying',
        CopyingRequested: 'Copying',
        BackupToSecondary: 'BackingUp',
      },
    },
    Copying: {
      tags: 'transitional',
      on: { OperationSucceeded: 'BackedUp', OperationFailed: 'BackedUp' },
      after: {
        [day]: {
          target: 'BackedUp',
          description:
            'The snapshot itself is untouched by a copy that is lost, and copying again does no harm: the move that a reported failure takes.',
        },
      },
    },
    Destroying: {
      tags: 'transitional',
      on: {
        OperationSucceeded: 'Destroyed',
        OperationFailed: 'BackedUp',
        // Asking again is a new attempt: it gets the whole time again.
        DestroyRequested: { target: 'Destroying', reenter: true },
      },
      after: {
        [hour]: {
          description:
            'Parts of the snapshot may be gone, and BackedUp would promise that they are there: an alert and no move. DestroyRequested tries again.',
        },
      },
    },
    Destroyed: { type: 'final' },
    Error: {
      tags: 'stable',
      on: {
        DestroyRequested: {
          target: 'Destroyed',
          description:
            'A failed snapshot had no way out at all. Destroying would end in BackedUp if it failed, which would promise a snapshot that never was; so the caller removes what is left and the record goes.',
        },
      },
    },
  },
});

/**
 * The life of a volume snapshot, after Apache CloudStack 4.22. `docs/lifecycles.md` lists what is
 * added to it and why. No transition of it is metered: `SNAPSHOT.CREATE` and the like carry sizes,
 * which the caller knows and announces.
 */
export const snapshot = defineLifecycle({
  resource: 'Snapshot',
  version: 1,
  failureEvents: ['OperationFailed'],
  machine,
});

/** The XState machine itself, for tools that draw or simulate machines. */
export const snapshotMachine: AnyStateMachine = machine;
