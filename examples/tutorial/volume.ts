import { defineEventTypes, defineLifecycle, ResourceEntity } from 'signalbox';
import { Column, Entity } from 'typeorm';
import { setup } from 'xstate';

// #region lifecycle
type Event =
  | { type: 'CreateRequested' }
  | { type: 'OperationSucceeded' }
  | { type: 'OperationFailed' }
  | { type: 'DeleteRequested' };

export const eventTypes = defineEventTypes({ usage: ['VOLUME.CREATE', 'VOLUME.DELETE'] });

const metered = (type: 'VOLUME.CREATE' | 'VOLUME.DELETE') =>
  ({ type: 'usage', params: { type } }) as const;

const machine = setup({
  types: { events: {} as Event, tags: {} as 'stable' | 'transitional' },
  actions: eventTypes.effects,
}).createMachine({
  initial: 'Allocated',
  states: {
    Allocated: {
      tags: 'stable',
      on: { CreateRequested: 'Creating', DeleteRequested: 'Deleted' },
    },
    Creating: {
      tags: 'transitional',
      after: { [10 * 60 * 1000]: 'Error' }, // ten minutes, also over a restart
      on: {
        OperationSucceeded: { target: 'Ready', actions: metered('VOLUME.CREATE') },
        OperationFailed: 'Error',
      },
    },
    Ready: {
      tags: 'stable',
      on: { DeleteRequested: { target: 'Deleted', actions: metered('VOLUME.DELETE') } },
    },
    Error: {
      tags: 'stable',
      on: { CreateRequested: 'Creating', DeleteRequested: 'Deleted' },
    },
    Deleted: { type: 'final' },
  },
});

export const volumeLifecycle = defineLifecycle({ resource: 'Volume', version: 1, machine });
// #endregion

// #region entity
@Entity('volume')
export class Volume extends ResourceEntity<typeof volumeLifecycle> {
  static readonly lifecycle = volumeLifecycle;
  @Column({ type: 'int' }) sizeGib!: number;
}
// #endregion
