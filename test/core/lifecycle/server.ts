import { and, not, setup } from 'xstate';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../../src/core/lifecycle/effects.js';

/** What the guards of a server read. */
export interface ServerContext {
  readonly disks: number;
  readonly locked: boolean;
}

type ServerEvent =
  | { type: 'BootRequested'; forced?: boolean }
  | { type: 'Booted' }
  | { type: 'BootFailed' }
  | { type: 'ShutDown' }
  | { type: 'Degraded' }
  | { type: 'Recovered' }
  | { type: 'Renamed' }
  | { type: 'Rebooted' }
  | { type: 'Scrapped' };

/** A lifecycle with everything in it: guards, nested states, deadlines, entry and exit effects. */
export const server = defineLifecycle({
  resource: 'Server',
  version: 3,
  initialStates: ['Up.Healthy'],
  failureEvents: ['BootFailed'],
  machine: setup({
    types: {} as {
      context: ServerContext;
      events: ServerEvent;
      tags: 'transitional' | 'stable';
    },
    actions: effects,
    guards: {
      hasDisks: ({ context }, { atLeast }: { atLeast: number }) => context.disks >= atLeast,
      isLocked: ({ context }) => context.locked,
      isForced: ({ event }) => event.type === 'BootRequested' && event.forced === true,
    },
    delays: { bootTime: 60_000 },
  }).createMachine({
    context: { disks: 0, locked: false },
    initial: 'Down',
    on: { Renamed: {} },
    states: {
      Down: {
        tags: 'stable',
        on: {
          BootRequested: [
            { target: 'Booting', guard: 'isForced', description: 'An operator insists.' },
            {
              target: 'Booting',
              guard: and([{ type: 'hasDisks', params: { atLeast: 1 } }, not('isLocked')]),
            },
          ],
          Scrapped: 'Gone',
          Renamed: { actions: { type: 'action', params: { type: 'SERVER.RENAME' } } },
        },
      },
      Booting: {
        tags: 'transitional',
        after: {
          bootTime: {
            target: 'Down',
            guard: not('isLocked'),
            actions: [
              { type: 'alert', params: { type: 'ALERT.BOOT' } },
              { type: 'usage', params: { type: 'SERVER.ABORT' } },
            ],
          },
          120_000: {},
        },
        on: { Booted: 'Up', BootFailed: 'Down' },
      },
      Up: {
        initial: 'Healthy',
        tags: 'stable',
        entry: { type: 'usage', params: { type: 'SERVER.START' } },
        exit: { type: 'usage', params: { type: 'SERVER.STOP' } },
        after: { 3_600_000: {} },
        on: { ShutDown: 'Down', Rebooted: { target: 'Up', reenter: true }, Recovered: {} },
        states: {
          Healthy: { on: { Degraded: 'Degraded' } },
          Degraded: {
            after: { 1000: { actions: { type: 'alert', params: { type: 'ALERT.DEGRADED' } } } },
            on: { Recovered: 'Healthy' },
          },
        },
      },
      Gone: { type: 'final' },
    },
  }),
});
