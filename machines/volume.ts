import { setup, type AnyStateMachine } from 'xstate';
import { defineLifecycle } from '../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../src/core/lifecycle/effects.js';
import { day, hour, minute } from './durations.js';

/** An event of the lifecycle. */
export type VolumeEvent =
  | 'CreateRequested'
  | 'CopyRequested'
  | 'OperationFailed'
  | 'OperationSucceeded'
  | 'OperationRetry'
  | 'UploadRequested'
  | 'MigrationRequested'
  | 'MigrationCopyRequested'
  | 'MigrationCopySucceeded'
  | 'MigrationCopyFailed'
  | 'SnapshotRequested'
  | 'RevertSnapshotRequested'
  | 'DestroyRequested'
  | 'RecoverRequested'
  | 'ExpungingRequested'
  | 'ResizeRequested'
  | 'AttachRequested'
  | 'OperationTimeout'
  | 'RestoreRequested'
  | 'RestoreSucceeded'
  | 'RestoreFailed';

const created = { type: 'usage', params: { type: 'VOLUME.CREATE' } } as const;
const resized = { type: 'usage', params: { type: 'VOLUME.RESIZE' } } as const;
const deleted = { type: 'usage', params: { type: 'VOLUME.DELETE' } } as const;

const machine = setup({
  types: {} as { events: { type: VolumeEvent }; tags: 'transitional' | 'stable' },
  actions: effects,
}).createMachine({
  initial: 'Allocated',
  states: {
    Allocated: {
      tags: 'stable',
      on: {
        CreateRequested: 'Creating',
        DestroyRequested: 'Destroy',
        OperationFailed: 'Allocated',
        OperationSucceeded: 'Allocated',
        UploadRequested: 'UploadOp',
        MigrationCopyRequested: 'Creating',
      },
    },
    Creating: {
      tags: 'transitional',
      on: {
        // A retry is a new attempt: it gets the whole time again.
        OperationRetry: { target: 'Creating', reenter: true },
        OperationFailed: 'Allocated',
        OperationSucceeded: 'Ready',
        DestroyRequested: 'Destroy',
        CreateRequested: { target: 'Creating', reenter: true },
        MigrationCopyFailed: 'Allocated',
        MigrationCopySucceeded: { target: 'Ready', actions: created },
      },
      after: {
        [hour]: {
          description:
            'The storage may have made the volume without saying so; starting over could make it twice. An alert and no move.',
        },
      },
    },
    Ready: {
      tags: 'stable',
      on: {
        CreateRequested: 'Creating',
        ResizeRequested: 'Resizing',
        OperationSucceeded: 'Ready',
        OperationFailed: 'Ready',
        DestroyRequested: 'Destroy',
        SnapshotRequested: 'Snapshotting',
        RevertSnapshotRequested: 'RevertSnapshotting',
        MigrationRequested: 'Migrating',
        AttachRequested: 'Attaching',
        RestoreRequested: 'Restoring',
      },
    },
    Resizing: {
      tags: 'transitional',
      on: {
        OperationSucceeded: { target: 'Ready', actions: resized },
        OperationFailed: 'Ready',
      },
      after: {
        [hour]: {
          description:
            'Only the storage knows the size the volume has now, and the meter depends on it: an alert and no move.',
        },
      },
    },
    Snapshotting: {
      tags: 'transitional',
      on: { OperationSucceeded: 'Ready', OperationFailed: 'Ready' },
      after: {
        [6 * hour]: {
          description:
            'The snapshot may still be reading the volume: an alert and no move, or it could be resized or destroyed under it.',
        },
      },
    },
    RevertSnapshotting: {
      tags: 'transitional',
      on: { OperationSucceeded: 'Ready', OperationFailed: 'Ready' },
      after: {
        [6 * hour]: {
          description:
            'The volume may be half reverted, and Ready would offer it to a machine: an alert and no move.',
        },
      },
    },
    Migrating: {
      tags: 'transitional',
      on: { OperationSucceeded: 'Ready', OperationFailed: 'Ready' },
      after: {
        [day]: {
          description:
            'The data is on one of two storages, and only they know on which. CloudStack keeps such a volume locked for ever and unseen; here somebody is told.',
        },
      },
    },
    Attaching: {
      tags: 'transitional',
      on: { OperationSucceeded: 'Ready', OperationFailed: 'Ready' },
      after: {
        [15 * minute]: {
          description:
            'The host may have plugged the disk in: attaching it elsewhere would corrupt it. An alert and no move.',
        },
      },
    },
    UploadOp: {
      tags: 'transitional',
      on: {
        OperationSucceeded: 'Uploaded',
        OperationFailed: 'Allocated',
        DestroyRequested: 'Destroy',
      },
      after: {
        [6 * hour]: {
          description:
            'A large image over a slow line takes hours: an alert and no move; the volume can still be destroyed.',
        },
      },
    },
    Uploaded: {
      tags: 'stable',
      on: { CopyRequested: 'Copying', DestroyRequested: 'Destroy' },
    },
    Copying: {
      tags: 'transitional',
      on: {
        OperationSucceeded: { target: 'Ready', actions: created },
        OperationFailed: 'Uploaded',
      },
      after: {
        [6 * hour]: {
          description:
            'The copy may still be running; a second one would leave two volumes to pay for. An alert and no move.',
        },
      },
    },
    NotUploaded: {
      tags: 'transitional',
      description: 'A place to upload to was handed out, and nothing has arrived there yet.',
      on: {
        OperationTimeout: 'UploadAbandoned',
        UploadRequested: 'UploadInProgress',
        OperationSucceeded: 'Uploaded',
        OperationFailed: 'UploadError',
      },
      after: {
        [day]: {
          target: 'UploadAbandoned',
          description:
            'Nobody came to upload, and nothing was stored: the move that OperationTimeout takes, without anybody who must remember to send it.',
        },
      },
    },
    UploadInProgress: {
      tags: 'transitional',
      on: {
        OperationSucceeded: 'Uploaded',
        OperationFailed: 'UploadError',
        OperationTimeout: 'UploadError',
      },
      after: {
        [day]: {
          target: 'UploadError',
          description:
            'An upload that has not ended by now will not: the move that OperationTimeout takes. What arrived is of no use to anybody and is removed by DestroyRequested.',
        },
      },
    },
    UploadError: {
      tags: 'stable',
      on: { DestroyRequested: 'Destroy' },
    },
    UploadAbandoned: {
      tags: 'stable',
      on: { DestroyRequested: 'Destroy' },
    },
    Destroy: {
      tags: 'stable',
      on: {
        ExpungingRequested: 'Expunging',
        OperationSucceeded: { target: 'Destroy', actions: deleted },
        OperationFailed: { target: 'Destroy', actions: deleted },
        RecoverRequested: 'Ready',
        RestoreRequested: 'Restoring',
      },
    },
    Expunging: {
      tags: 'transitional',
      on: {
        // Asking again is a new attempt: it gets the whole time again.
        ExpungingRequested: { target: 'Expunging', reenter: true },
        OperationSucceeded: 'Expunged',
        OperationFailed: 'Destroy',
      },
      after: {
        [hour]: {
          target: 'Destroy',
          description:
            'An expunge without an outcome has lost its worker. Deleting twice does no harm, and from Destroy it is asked for again; from Expunging CloudStack never retries.',
        },
      },
    },
    Expunged: {
      tags: 'stable',
      description: 'Nothing is left on storage; a backup can still bring the volume back.',
      on: {
        ExpungingRequested: 'Expunged',
        OperationSucceeded: 'Expunged',
        OperationFailed: 'Expunged',
        RestoreRequested: 'Restoring',
      },
    },
    Restoring: {
      tags: 'transitional',
      on: {
        RestoreSucceeded: 'Ready',
        RestoreFailed: 'Ready',
        OperationFailed: {
          target: 'Ready',
          description:
            'A worker that reports every failure the same way must be able to report this one, or the volume stays in Restoring.',
        },
      },
      after: {
        [6 * hour]: {
          description:
            'The restore may still be writing: an alert and no move, or a machine would meet half a disk.',
        },
      },
    },
  },
});

/**
 * The life of a volume, after Apache CloudStack 4.22. `docs/lifecycles.md` lists what is added to it
 * and why.
 *
 * `VOLUME.DELETE` is announced for every volume, root disks too: CloudStack leaves those out, because
 * the machine they belong to ends its own metering. A consumer that meters both does the same.
 */
export const volume = defineLifecycle({
  resource: 'Volume',
  version: 1,
  initialStates: ['NotUploaded'],
  failureEvents: ['OperationFailed', 'MigrationCopyFailed', 'OperationTimeout', 'RestoreFailed'],
  machine,
});

/** The XState machine itself, for tools that draw or simulate machines. */
export const volumeMachine: AnyStateMachine = machine;
