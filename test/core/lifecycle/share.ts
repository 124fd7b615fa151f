import { setup } from 'xstate';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';

/** A share as Manila has it, in short: a backup returns it to where it came from. */
export const share = defineLifecycle({
  resource: 'Share',
  version: 1,
  initialStates: ['resting.in-use'],
  machine: setup({
    types: {} as {
      events:
        | { type: 'attach' }
        | { type: 'detach' }
        | { type: 'backUp' }
        | { type: 'done' }
        | { type: 'failed' }
        | { type: 'reset' };
    },
  }).createMachine({
    initial: 'resting',
    states: {
      resting: {
        tags: 'stable',
        initial: 'available',
        states: {
          available: { on: { attach: 'in-use' } },
          'in-use': { on: { detach: 'available' } },
          previous: { type: 'history' },
        },
        on: { backUp: 'backing-up' },
      },
      'backing-up': {
        tags: 'transitional',
        after: { 600000: 'error' },
        on: { done: 'resting.previous', failed: 'error' },
      },
      error: { tags: 'stable', on: { reset: 'resting.previous' } },
    },
  }),
});
