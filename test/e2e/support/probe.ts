import { defineLifecycle, effects, ResourceEntity } from 'signalbox';
import { Entity } from 'typeorm';
import { setup } from 'xstate';

type Event =
  | { type: 'Begin' }
  | { type: 'Rest' }
  | { type: 'Finished' }
  | { type: 'Broke' }
  | { type: 'Woke' };

/** A lifecycle whose deadlines a test can wait for: one moves, one only alerts. */
export const probe = defineLifecycle({
  resource: 'Probe',
  version: 1,
  machine: setup({ types: { events: {} as Event }, actions: effects }).createMachine({
    initial: 'Idle',
    states: {
      Idle: { tags: 'stable', on: { Begin: 'Working', Rest: 'Resting' } },
      Working: {
        tags: 'transitional',
        after: {
          300: { target: 'Failed', actions: { type: 'alert', params: { type: 'ALERT.USERVM' } } },
        },
        on: { Finished: 'Idle', Broke: 'Failed' },
      },
      Resting: { tags: 'stable', after: { 300: {} }, on: { Woke: 'Idle' } },
      Failed: { tags: 'stable', on: { Begin: 'Working' } },
    },
  }),
});

@Entity('probe')
export class Probe extends ResourceEntity<typeof probe> {
  static readonly lifecycle = probe;
}
