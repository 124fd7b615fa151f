import { setup, type AnyStateMachine } from 'xstate';
import { defineLifecycle } from '../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../src/core/lifecycle/effects.js';
import { minute } from './durations.js';

/** An event of the lifecycle. */
export type NetworkEvent =
  'ImplementNetwork' | 'DestroyNetwork' | 'OperationSucceeded' | 'OperationFailed';

const machine = setup({
  types: {} as { events: { type: NetworkEvent }; tags: 'transitional' | 'stable' },
  actions: effects,
}).createMachine({
  initial: 'Allocated',
  states: {
    Allocated: {
      tags: 'stable',
      on: { ImplementNetwork: 'Implementing', DestroyNetwork: 'Destroy' },
    },
    Setup: {
      tags: 'stable',
      description: 'A network that exists outside (a shared VLAN): born ready, never implemented.',
      on: { DestroyNetwork: 'Destroy' },
    },
    Implementing: {
      tags: 'transitional',
      on: {
        OperationSucceeded: 'Implemented',
        OperationFailed: 'Shutdown',
        DestroyNetwork: {
          target: 'Shutdown',
          description:
            'A network that hangs while it is built could not be deleted at all. Shutdown takes down what was built so far.',
        },
      },
      after: {
        [30 * minute]: {
          target: 'Shutdown',
          description:
            'A build without an outcome has lost its worker. Shutdown takes down what there is and can be repeated, so the move is the one that a reported failure takes.',
        },
      },
    },
    Implemented: {
      tags: 'stable',
      on: { DestroyNetwork: 'Shutdown' },
    },
    Shutdown: {
      tags: 'transitional',
      on: {
        OperationSucceeded: 'Allocated',
        // A failed shutdown is tried again, with the whole time before it.
        OperationFailed: { target: 'Shutdown', reenter: true },
        DestroyNetwork: {
          target: 'Destroy',
          description:
            'A shutdown that keeps failing had success as its only way out. An operator who has cleaned up by hand can let the network go.',
        },
      },
      after: {
        [30 * minute]: {
          description:
            'Elements of the network may still hold addresses and rules, so an alert and no move: somebody retries, or cleans up and destroys it.',
        },
      },
    },
    Destroy: { type: 'final' },
  },
});

/**
 * The life of a network, after Apache CloudStack 4.22. `docs/lifecycles.md` lists what is added to it
 * and why. No transition of it is metered: `NETWORK.CREATE` and the like carry the offering, which the
 * caller knows and announces.
 */
export const network = defineLifecycle({
  resource: 'Network',
  version: 1,
  initialStates: ['Setup'],
  // Giving up is the exit from a shutdown that keeps failing.
  failureEvents: ['OperationFailed', 'DestroyNetwork'],
  machine,
});

/** The XState machine itself, for tools that draw or simulate machines. */
export const networkMachine: AnyStateMachine = machine;
