import { setup, type AnyStateMachine } from 'xstate';
import { defineLifecycle } from '../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../src/core/lifecycle/effects.js';
import { hour, minute } from './durations.js';

/** An event of the lifecycle. */
export type VirtualMachineEvent =
  | 'StartRequested'
  | 'StopRequested'
  | 'DestroyRequested'
  | 'RecoveryRequested'
  | 'AgentReportStopped'
  | 'AgentReportRunning'
  | 'MigrationRequested'
  | 'StorageMigrationRequested'
  | 'ExpungeOperation'
  | 'OperationSucceeded'
  | 'OperationFailed'
  | 'OperationFailedToError'
  | 'OperationRetry'
  | 'AgentReportShutdowned'
  | 'AgentReportMigrated'
  | 'RestoringRequested'
  | 'RestoringFailed'
  | 'RestoringSuccess'
  | 'FollowAgentPowerOnReport'
  | 'FollowAgentPowerOffReport';

const created = { type: 'usage', params: { type: 'VM.CREATE' } } as const;
const started = { type: 'usage', params: { type: 'VM.START' } } as const;
const stopped = { type: 'usage', params: { type: 'VM.STOP' } } as const;
const destroyed = { type: 'usage', params: { type: 'VM.DESTROY' } } as const;

const machine = setup({
  types: {} as { events: { type: VirtualMachineEvent }; tags: 'transitional' | 'stable' },
  actions: effects,
}).createMachine({
  initial: 'Stopped',
  states: {
    Stopped: {
      tags: 'stable',
      on: {
        StartRequested: 'Starting',
        DestroyRequested: { target: 'Destroyed', actions: destroyed },
        StopRequested: 'Stopped',
        AgentReportStopped: 'Stopped',
        OperationFailedToError: { target: 'Error', actions: destroyed },
        OperationFailed: 'Stopped',
        ExpungeOperation: { target: 'Expunging', actions: destroyed },
        AgentReportShutdowned: 'Stopped',
        StorageMigrationRequested: 'Migrating',
        RestoringRequested: 'Restoring',
        FollowAgentPowerOnReport: { target: 'Running', actions: started },
        FollowAgentPowerOffReport: 'Stopped',
      },
    },
    Starting: {
      tags: 'transitional',
      on: {
        // A retry is a new attempt: it gets the whole time again.
        OperationRetry: { target: 'Starting', reenter: true },
        OperationSucceeded: { target: 'Running', actions: started },
        OperationFailed: 'Stopped',
        AgentReportRunning: { target: 'Running', actions: started },
        AgentReportStopped: 'Stopped',
        AgentReportShutdowned: 'Stopped',
        FollowAgentPowerOnReport: { target: 'Running', actions: started },
        FollowAgentPowerOffReport: 'Stopped',
      },
      after: {
        [30 * minute]: {
          description:
            'A start that lasts this long has lost its worker. Only the host knows whether the guest runs, so an alert and no move: a power report settles it.',
        },
      },
    },
    Running: {
      tags: 'stable',
      on: {
        MigrationRequested: 'Migrating',
        AgentReportRunning: 'Running',
        AgentReportStopped: { target: 'Stopped', actions: stopped },
        StopRequested: 'Stopping',
        AgentReportShutdowned: { target: 'Stopped', actions: stopped },
        AgentReportMigrated: 'Running',
        OperationSucceeded: 'Running',
        FollowAgentPowerOnReport: 'Running',
        FollowAgentPowerOffReport: { target: 'Stopped', actions: stopped },
      },
    },
    Stopping: {
      tags: 'transitional',
      on: {
        OperationSucceeded: { target: 'Stopped', actions: stopped },
        OperationFailed: 'Running',
        AgentReportRunning: 'Running',
        AgentReportStopped: { target: 'Stopped', actions: stopped },
        StopRequested: 'Stopping',
        AgentReportShutdowned: { target: 'Stopped', actions: stopped },
        FollowAgentPowerOnReport: 'Running',
        FollowAgentPowerOffReport: { target: 'Stopped', actions: stopped },
      },
      after: {
        [30 * minute]: {
          description:
            'A stop that lasts this long hangs on the guest or its host. Taking it for stopped could start the guest twice, so an alert and no move.',
        },
      },
    },
    Migrating: {
      tags: 'transitional',
      on: {
        MigrationRequested: 'Migrating',
        OperationSucceeded: 'Running',
        OperationFailed: 'Running',
        AgentReportRunning: 'Running',
        AgentReportStopped: 'Stopped',
        AgentReportShutdowned: 'Stopped',
        FollowAgentPowerOnReport: 'Running',
        FollowAgentPowerOffReport: 'Stopped',
      },
      after: {
        [4 * hour]: {
          description:
            'A migration leaves the guest on one of two hosts, and only they know on which: an alert and no move.',
        },
      },
    },
    Destroyed: {
      tags: 'stable',
      on: {
        RecoveryRequested: { target: 'Stopped', actions: created },
        ExpungeOperation: 'Expunging',
        RestoringRequested: 'Restoring',
      },
    },
    Restoring: {
      tags: 'transitional',
      on: {
        RestoringSuccess: 'Stopped',
        RestoringFailed: 'Stopped',
        OperationFailed: {
          target: 'Stopped',
          description:
            'A worker that reports every failure the same way must be able to report this one, or the machine stays in Restoring.',
        },
      },
      after: {
        [6 * hour]: {
          description:
            'A restore may still be writing to the volumes: an alert and no move, or a start would meet half a disk.',
        },
      },
    },
    Expunging: {
      tags: 'transitional',
      on: {
        // Each request to expunge, and each failure that is tried again, is a new attempt.
        OperationFailed: { target: 'Expunging', reenter: true },
        ExpungeOperation: { target: 'Expunging', reenter: true },
        OperationSucceeded: {
          target: 'Expunged',
          description:
            'The end of a machine is a state of its own: Expunging says that work is going on, and CloudStack leaves every expunged machine in it for ever.',
        },
        OperationFailedToError: {
          target: 'Error',
          description:
            'An expunge that is given up is an error that somebody sees; from Error it can be asked for again.',
        },
      },
      after: {
        [hour]: {
          target: 'Error',
          description:
            'An expunge without an outcome has lost its worker. Error allows nothing but another expunge, and expunging twice does no harm, so the move is safe.',
        },
      },
    },
    Expunged: {
      type: 'final',
      description: 'Nothing is left of the machine but its record.',
    },
    Error: {
      tags: 'stable',
      on: {
        DestroyRequested: 'Expunging',
        ExpungeOperation: 'Expunging',
      },
    },
  },
});

/**
 * The life of a virtual machine, after Apache CloudStack 4.22. `docs/lifecycles.md` lists what is
 * added to it and why.
 *
 * A stop also ends the metering of each network interface (`NETWORK.OFFERING.REMOVE`). Which interfaces
 * there are is the caller's knowledge, so the caller announces those, in the same transaction.
 */
export const virtualMachine = defineLifecycle({
  resource: 'VirtualMachine',
  version: 1,
  failureEvents: ['OperationFailed', 'OperationFailedToError', 'RestoringFailed'],
  machine,
});

/** The XState machine itself, for tools that draw or simulate machines. */
export const virtualMachineMachine: AnyStateMachine = machine;
