import { describe, expectTypeOf, it } from 'vitest';
import { setup } from 'xstate';
import { network, volume } from '../../../machines/index.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../../src/core/lifecycle/effects.js';
import { explain } from '../../../src/core/lifecycle/explain.js';
import type {
  AnyLifecycle,
  ContextOf,
  EventOf,
  Lifecycle,
  StateOf,
} from '../../../src/core/lifecycle/lifecycle.js';
import { plan } from '../../../src/core/lifecycle/plan.js';
import { creation, step } from '../../../src/core/lifecycle/step.js';
import { server, type ServerContext } from './server.js';

// Checked by the compiler: what must not compile is marked, and a mark without an error is an error.
describe('the types of a lifecycle', () => {
  it('are the unions of its states and events', () => {
    expectTypeOf<StateOf<typeof network>>().toEqualTypeOf<
      'Allocated' | 'Setup' | 'Implementing' | 'Implemented' | 'Shutdown' | 'Destroy'
    >();
    expectTypeOf<EventOf<typeof network>>().toEqualTypeOf<
      'ImplementNetwork' | 'DestroyNetwork' | 'OperationSucceeded' | 'OperationFailed'
    >();
    expectTypeOf(network.resource).toEqualTypeOf<'Network'>();
  });

  it('join nested states by dots, and read the context of the guards', () => {
    expectTypeOf<StateOf<typeof server>>().toEqualTypeOf<
      'Down' | 'Booting' | 'Up.Healthy' | 'Up.Degraded' | 'Gone'
    >();
    expectTypeOf<ContextOf<typeof server>>().toEqualTypeOf<ServerContext>();
  });

  it('are JSON text where regions are parallel', () => {
    const machine = setup({ types: {} as { events: { type: 'Go' } } }).createMachine({
      initial: 'Off',
      states: {
        Off: {},
        On: {
          type: 'parallel',
          states: {
            a: { initial: 'x', states: { x: {} } },
            b: { initial: 'y', states: { y: {} } },
          },
        },
      },
    });
    const parallel = defineLifecycle({ resource: 'P', version: 1, machine });
    expectTypeOf<StateOf<typeof parallel>>().toEqualTypeOf<'Off' | `{${string}}`>();
  });

  it('refuse unknown states, events, births and contexts', () => {
    const calls = () => {
      step(volume, { state: 'Ready' }, 'AttachRequested');
      // @ts-expect-error no such event
      step(volume, { state: 'Ready' }, 'AttachRequest');
      // @ts-expect-error no such state
      step(volume, { state: 'Redy' }, 'AttachRequested');
      // @ts-expect-error not a whole state name
      step(server, { state: 'Up' }, 'ShutDown');
      // @ts-expect-error another context
      step(server, { state: 'Down', context: { disks: 'many' } }, 'BootRequested');
      // @ts-expect-error the clock's own event
      step(volume, { state: 'Ready' }, 'DeadlineExceeded');
      // @ts-expect-error no such state
      creation(volume, 'Born');
      // @ts-expect-error no such event
      explain(volume, { state: 'Ready' }, 'Attach');
      // @ts-expect-error no such state
      plan(volume, 'Ready', 'Gone');
    };
    expectTypeOf(calls).toBeFunction();
  });

  it('narrow a step by whether it is lawful', () => {
    const result = step(volume, { state: 'Ready' }, 'AttachRequested');
    if (result.lawful) expectTypeOf(result.next).toEqualTypeOf<StateOf<typeof volume>>();
    else expectTypeOf(result.refusals[0].message).toEqualTypeOf<string>();
  });

  it('fit wherever any lifecycle does', () => {
    expectTypeOf(server).toExtend<AnyLifecycle>();
    expectTypeOf<AnyLifecycle>().toEqualTypeOf<Lifecycle>();
  });

  it('refuse declarations with unknown births, failure events and effect params', () => {
    const declarations = () => {
      const machine = setup({ types: {} as { events: { type: 'Go' } } }).createMachine({
        initial: 'A',
        states: { A: { on: { Go: 'B' } }, B: {} },
      });
      // @ts-expect-error no such state
      defineLifecycle({ resource: 'T', version: 1, machine, initialStates: ['C'] });
      // @ts-expect-error no such event
      defineLifecycle({ resource: 'T', version: 1, machine, failureEvents: ['Stop'] });
      setup({ actions: effects }).createMachine({
        // @ts-expect-error no such effect
        entry: { type: 'usages', params: { type: 'A' } },
      });
      setup({ actions: effects }).createMachine({
        // @ts-expect-error no type in the params
        entry: { type: 'usage', params: { data: {} } },
      });
    };
    expectTypeOf(declarations).toBeFunction();
  });
});
