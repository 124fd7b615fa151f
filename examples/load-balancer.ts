import { defineEventTypes, defineLifecycle, ResourceEntity } from 'signalbox';
import { Column, Entity } from 'typeorm';
import { setup } from 'xstate';

interface Context {
  readonly members: number;
}

type Event =
  | { type: 'DeployRequested' }
  | { type: 'OperationSucceeded' }
  | { type: 'OperationFailed' }
  | { type: 'MemberLost' }
  | { type: 'MemberRecovered' }
  | { type: 'RemoveRequested' };

// #region lifecycle
export const eventTypes = defineEventTypes({ usage: ['LB.CREATE', 'LB.DELETE'] });

const machine = setup({
  types: { context: {} as Context, events: {} as Event, tags: {} as 'stable' | 'transitional' },
  actions: eventTypes.effects,
  guards: { hasMembers: ({ context }) => context.members > 0 },
  delays: { deployTimeout: 10 * 60 * 1000 },
}).createMachine({
  context: { members: 0 },
  initial: 'Allocated',
  states: {
    Allocated: {
      tags: 'stable',
      on: {
        DeployRequested: { target: 'Deploying', guard: 'hasMembers' },
        RemoveRequested: 'Removed',
      },
    },
    Deploying: {
      tags: 'transitional',
      after: { deployTimeout: 'Error' },
      on: {
        OperationSucceeded: {
          target: 'Active',
          actions: { type: 'usage', params: { type: 'LB.CREATE' } },
        },
        OperationFailed: 'Error',
      },
    },
    // Two ways of being active. Both take RemoveRequested, written once, on their parent.
    Active: {
      tags: 'stable',
      initial: 'Healthy',
      on: {
        RemoveRequested: {
          target: 'Removed',
          actions: { type: 'usage', params: { type: 'LB.DELETE' } },
        },
      },
      states: {
        Healthy: { on: { MemberLost: 'Degraded' } },
        Degraded: { on: { MemberRecovered: 'Healthy' } },
      },
    },
    Error: { tags: 'stable', on: { DeployRequested: 'Deploying', RemoveRequested: 'Removed' } },
    Removed: { type: 'final' },
  },
});

export const loadBalancer = defineLifecycle({ resource: 'LoadBalancer', version: 1, machine });

@Entity('load_balancer')
export class LoadBalancer extends ResourceEntity<typeof loadBalancer> {
  static readonly lifecycle = loadBalancer;
  static readonly context = (balancer: LoadBalancer): Context => ({ members: balancer.members });

  @Column({ type: Number, default: 0 })
  members!: number;
}
// #endregion
