import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { explain } from '../../../src/core/lifecycle/explain.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { plan } from '../../../src/core/lifecycle/plan.js';
import { partsOf } from '../../../src/core/lifecycle/regions.js';
import { step } from '../../../src/core/lifecycle/step.js';
import { machines } from '../../../machines/index.js';
import { coverageItems, itemsOf } from '../../../src/testing/coverage/coverage-items.js';
import { lifecyclePage } from '../../../src/tools/diagram/lifecycle-page.js';
import {
  machineOf,
  machinesToTry,
  randomEvents,
  randomShape,
  timeToTry,
} from './random-machine.js';
import { azureVirtualMachine as azure } from '../../fixtures/lifecycles/azure-virtual-machine.js';

const running = '{"provisioning":"Succeeded","power":"Running"}';

describe('the regions of a lifecycle', () => {
  it('have the states and transitions of each, not of every combination', () => {
    expect(azure.regions.map(({ path, states }) => [path, states.length])).toEqual([
      ['provisioning', 6],
      ['power', 8],
    ]);
    const power = azure.regions[1]?.transitions ?? [];
    expect(power.map(({ from, event, to }) => `${from} ${event} ${to}`)).toContain(
      'power.Stopped StartRequested power.Starting',
    );
    expect(power.filter(({ event }) => event === 'Provisioned')).toEqual([]);
  });

  it('are the lifecycle itself where there is one', () => {
    for (const { regions, states, transitions } of machines) {
      expect(regions).toHaveLength(1);
      expect(regions[0]?.states).toBe(states);
      expect(regions[0]?.transitions).toBe(transitions);
    }
  });

  it('are planned in by themselves, and in a whole state', () => {
    const alone = plan(azure, 'power.Stopped', 'power.Running');
    expect(alone.possible && alone.steps.map(({ from, event }) => `${from} ${event}`)).toEqual([
      'power.Stopped StartRequested',
      'power.Starting Started',
    ]);
    const whole = plan(azure, running, 'power.Deallocated');
    expect(whole.possible && whole.steps.map(({ event }) => event)).toEqual([
      'DeallocateRequested',
      'DeallocationDone',
    ]);
    expect(plan(azure, 'power.Gone', 'power.Running')).toEqual({
      possible: false,
      reachable: ['power.Gone'],
    });
  });

  it('are explained by themselves', () => {
    expect(explain(azure, { state: 'power.Running' }, 'PowerOffRequested').lawful).toBe(true);
    const refused = explain(azure, { state: 'power.Running' }, 'StartRequested');
    expect(refused.lawful).toBe(false);
    expect(refused.refusals[0]?.code).toBe('EVENT_NOT_LAWFUL');
    expect(refused.refusals[0]?.message).toContain('in power.Running does not take StartRequested');
    expect(refused.lawfulEvents).toContain('GuestShutDown');
    expect(refused.lawfulEvents).not.toContain('UpdateRequested');
  });

  it('are what a refusal speaks of', () => {
    const refused = step(azure, { state: running }, 'StartRequested');
    expect(refused.lawful ? '' : refused.refusals[0].message).toContain(
      'in provisioning.Succeeded, power.Running does not take StartRequested',
    );
  });

  it('are covered one by one', () => {
    const { states, transitions, refusals } = coverageItems(azure);
    expect([states.length, transitions.length]).toEqual([14, 37]);
    expect(refusals).toContain('power.Running, StartRequested');
    expect(refusals).not.toContain('power.Running, UpdateRequested');
    const stopping = '{"provisioning":"Succeeded","power":"Stopping"}';
    expect(
      itemsOf({
        kind: 'transition',
        lifecycle: azure,
        from: running,
        event: 'PowerOffRequested',
        to: stopping,
        guards: [],
      }),
    ).toContainEqual(['transitions', 'power.Running, PowerOffRequested -> power.Stopping']);
    expect(
      itemsOf({
        kind: 'refusal',
        lifecycle: azure,
        state: running,
        event: 'StartRequested',
        guards: [],
      }),
    ).toContainEqual(['refusals', 'power.Running, StartRequested']);
  });

  it('are covered whole by covering every combination', () => {
    const items = new Set<string>();
    for (const { from, event, deadline, to, guards = [] } of azure.transitions) {
      const observed = { kind: 'transition', lifecycle: azure, from, event, deadline, to } as const;
      for (const [kind, item] of itemsOf({ ...observed, guards })) items.add(`${kind} ${item}`);
    }
    const { states, transitions } = coverageItems(azure);
    for (const item of states) expect(items).toContain(`states ${item}`);
    for (const item of transitions) expect(items).toContain(`transitions ${item}`);
  });

  it(
    'have no transition that no combination takes, and lose none, in a random machine',
    () => {
      fc.assert(
        fc.property(randomShape, (shape) => {
          let lifecycle: AnyLifecycle;
          try {
            lifecycle = defineLifecycle({
              resource: 'R',
              version: 1,
              machine: machineOf(shape),
              events: [...randomEvents],
            });
          } catch {
            return;
          }
          const parts = partsOf(lifecycle);
          const known = new Set(
            lifecycle.regions.flatMap(({ states }) => states.map(({ name }) => name)),
          );
          for (const { name } of lifecycle.states) {
            for (const part of parts(name)) expect(known).toContain(part);
          }
          const hit = new Set<string>();
          for (const { from, event, deadline, to, guards = [] } of lifecycle.transitions) {
            const seen = { kind: 'transition', lifecycle, from, event, deadline, to } as const;
            for (const [kind, item] of itemsOf({ ...seen, guards })) hit.add(`${kind} ${item}`);
            // What moves the whole moves one of its regions.
            const moved = lifecycle.regions.flatMap(({ transitions }) =>
              transitions.filter((each) => each.event === event && parts(from).includes(each.from)),
            );
            const isDone = parts(from).some((part) =>
              lifecycle.regions.some(({ states }) =>
                states.some(({ name, final }) => name === part && final),
              ),
            );
            if (!isDone) expect(moved.length).toBeGreaterThan(0);
          }
          for (const item of coverageItems(lifecycle).transitions) {
            expect(hit).toContain(`transitions ${item}`);
          }
        }),
        machinesToTry,
      );
    },
    timeToTry,
  );

  it('stand on the page of the lifecycle, once each', () => {
    const page = lifecyclePage(azure);
    expect(page.split('\n').length).toBeLessThan(180);
    expect(page).toContain('| `power.Stopped` | `StartRequested` | `power.Starting` |');
    expect(page).not.toContain('{"');
  });
});
