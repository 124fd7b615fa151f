import { describe, expect, it } from 'vitest';
import { machines, network } from '../../../machines/index.js';
import { describeLifecycle } from '../../../src/core/lifecycle/describe-lifecycle.js';
import { durationText } from '../../../src/core/lifecycle/duration-text.js';
import { lifecycleTable } from '../../../src/core/lifecycle/lifecycle-table.js';
import { server } from './server.js';

describe('the description of a lifecycle', () => {
  it('is plain JSON with exactly the promised keys', () => {
    for (const lifecycle of machines) {
      const described = describeLifecycle(lifecycle);
      expect(JSON.parse(JSON.stringify(described))).toEqual(described);
      expect(Object.keys(described)).toEqual([
        'resource',
        'version',
        'initial',
        'initialStates',
        'creations',
        'states',
        'deadlines',
        'events',
        'transitions',
      ]);
      for (const state of described.states) {
        expect(Object.keys(state)).toEqual(['name', 'tags', 'final', 'deadline', 'deadlines']);
      }
      for (const transition of described.transitions) {
        const optional = ['deadline', 'guard', 'arms', 'cancels'];
        const keys = Object.keys(transition).filter((key) => !optional.includes(key));
        expect(keys).toEqual(['from', 'event', 'to', 'effects']);
        expect(described.events).toContain(transition.event);
      }
    }
  });

  it('shows a guard only where there is one', () => {
    const { transitions } = describeLifecycle(server);
    expect(transitions.flatMap(({ guard }) => guard ?? [])).toEqual([
      'isForced',
      'and(not(isForced), and(hasDisks({"atLeast":1}), not(isLocked)))',
      'not(isLocked)',
    ]);
  });

  it('tells the earliest deadline in milliseconds, and null where a state may last', () => {
    const { states } = describeLifecycle(server);
    expect(states.map(({ name, deadline }) => [name, deadline])).toEqual([
      ['Down', null],
      ['Booting', 60_000],
      ['Up.Healthy', 3_600_000],
      ['Up.Degraded', 1000],
      ['Gone', null],
    ]);
  });
});

describe('the text of a lifecycle', () => {
  it('shows states, deadlines and transitions in columns', () => {
    expect(lifecycleTable(network)).toMatchInlineSnapshot(`
      "Network, version 1: created in Allocated (or Setup)

      STATE         TAGS          DEADLINE
      Allocated     stable
      Setup         stable
      Implementing  transitional  30 min
      Implemented   stable
      Shutdown      transitional  30 min
      Destroy       final

      FROM          EVENT               TO            ANNOUNCES
      Allocated     ImplementNetwork    Implementing
      Allocated     DestroyNetwork      Destroy
      Setup         DestroyNetwork      Destroy
      Implementing  OperationSucceeded  Implemented
      Implementing  OperationFailed     Shutdown
      Implementing  DestroyNetwork      Shutdown
      Implementing  DeadlineExceeded    Shutdown      AlertEvent ALERT.RESOURCE.STUCK
      Implemented   DestroyNetwork      Shutdown
      Shutdown      OperationSucceeded  Allocated
      Shutdown      OperationFailed     Shutdown
      Shutdown      DestroyNetwork      Destroy"
    `);
  });

  it('has a column for guards where there are guards', () => {
    expect(lifecycleTable(server)).toContain('IF');
    expect(lifecycleTable(network)).not.toContain('IF');
  });
});

it.each([
  [1, '1 ms'],
  [1500, '1500 ms'],
  [90_000, '90 s'],
  [5_400_000, '90 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 d'],
])('%i milliseconds read %s', (milliseconds, text) => {
  expect(durationText(milliseconds)).toBe(text);
});
