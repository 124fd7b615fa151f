import { setup } from 'xstate';
import { defineLifecycle } from '../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../src/core/lifecycle/effects.js';

type PumpEvent =
  'StartRequested' | 'Started' | 'Failed' | 'Tick' | 'Retry' | 'StopRequested' | 'Drain';

const stopped = { type: 'usage', params: { type: 'PUMP.STOP' } } as const;

/** A lifecycle with everything a store must write: effects of all kinds, a guard, deadlines, a timeout. */
export const pump = defineLifecycle({
  resource: 'Pump',
  version: 3,
  machine: setup({
    types: {} as { context: { level: number }; events: { type: PumpEvent } },
    actions: effects,
    guards: { isEmpty: ({ context }) => context.level === 0 },
  }).createMachine({
    context: { level: 0 },
    initial: 'Idle',
    states: {
      Idle: { on: { StartRequested: 'Starting' } },
      Starting: {
        on: {
          Started: {
            target: 'Running',
            actions: [
              { type: 'usage', params: { type: 'PUMP.START' } },
              {
                type: 'alert',
                params: { type: 'ALERT.PUMP', data: { level: 'low "quoted" \\ ü \u2028' } },
              },
              { type: 'alert', params: { type: 'ALERT.PUMP', data: { level: 'high' } } },
              { type: 'action', params: { type: 'PUMP.STARTED' } },
            ],
          },
          Failed: 'Idle',
          Tick: 'Starting',
          Retry: { target: 'Starting', reenter: true },
        },
        after: { 1000: 'Idle' },
      },
      Running: {
        on: {
          Failed: { target: 'Idle', actions: stopped },
          Tick: 'Running',
          StopRequested: { target: 'Idle', actions: stopped },
          Drain: { target: 'Drained', guard: 'isEmpty' },
        },
        after: { 60000: {} },
      },
      Drained: { on: { StopRequested: 'Idle' } },
    },
  }),
});
