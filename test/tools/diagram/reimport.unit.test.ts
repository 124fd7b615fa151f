import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { and, not, or, setup, stateIn } from 'xstate';
import { machines } from '../../../machines/index.js';
import { json } from '../../../src/tools/diagram/json.js';
import { DefinitionError } from '../../../src/core/errors/errors.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { describeLifecycle } from '../../../src/core/lifecycle/describe-lifecycle.js';
import { effects } from '../../../src/core/lifecycle/effects.js';
import type { AnyLifecycle, ChartNode, TableRow } from '../../../src/core/lifecycle/lifecycle.js';
import { loadBalancer } from '../../../examples/load-balancer.js';
import {
  machineOf,
  machinesToTry,
  randomEvents,
  randomShape,
  timeToTry,
} from '../../core/lifecycle/random-machine.js';
import { hostileLifecycle, hostileNames } from './hostile-lifecycle.js';

type Guards = Readonly<Record<string, unknown>>;

/** Reads a lifecycle in again from its JSON text. */
function reimport(
  lifecycle: AnyLifecycle,
  guards: Guards = {},
  events: readonly string[] = [],
): AnyLifecycle {
  const text = JSON.stringify(json(lifecycle));
  const machine = setup({ actions: effects, guards: guards as never }).createMachine(
    JSON.parse(text) as never,
  );
  return defineLifecycle({
    resource: lifecycle.resource,
    version: lifecycle.version,
    initialStates: lifecycle.initialStates.slice(1) as never,
    events: events as never,
    machine: machine as never,
  });
}

/** Everything a lifecycle says and does, without the functions of its guards. */
function contentOf(lifecycle: AnyLifecycle): unknown {
  const { table, states, chart, transitions } = lifecycle;
  const plain = (rows: readonly TableRow[]): unknown =>
    rows.map((row) => ({
      ...row,
      guards: row.guards.map(({ name, expected }) => ({ name, expected })),
    }));
  const byState = (map: ReadonlyMap<string, ReadonlyMap<string, readonly TableRow[]>>): unknown =>
    [...map].map(([state, inner]) => [state, [...inner].map(([key, rows]) => [key, plain(rows)])]);
  return {
    description: describeLifecycle(lifecycle),
    states,
    transitions,
    chart,
    rows: byState(table.rows),
    timeouts: byState(table.timeouts),
    initialStates: [...table.creations],
    deadlines: [...table.deadlines],
  };
}

function guardsOf(node: ChartNode): readonly string[] {
  return [
    ...node.transitions.flatMap(({ guard }) => (guard === undefined ? [] : [guard])),
    ...node.children.flatMap(guardsOf),
  ];
}

/** The guards of a random machine by their expressions. */
function randomGuards(lifecycle: AnyLifecycle): Guards {
  const read = (text: string): [unknown, string] => {
    const named = /^(g[123])(.*)$/su.exec(text);
    if (named !== null) return [named[1], named[2] ?? ''];
    const inState = /^in\(([^)]*)\)(.*)$/su.exec(text);
    if (inState !== null) {
      const path = inState[1] === '' ? '' : `.${inState[1] ?? ''}`;
      return [stateIn(`#${lifecycle.resource}${path}` as never), inState[2] ?? ''];
    }
    const [, operator, inside = ''] = /^(not|and|or)\((.*)$/su.exec(text) ?? [];
    const [first, rest] = read(inside);
    if (operator === 'not') return [not(first as never), rest.slice(1)];
    const [second, end] = read(rest.slice(2));
    const both = [first, second] as never;
    return [operator === 'and' ? and(both) : or(both), end.slice(1)];
  };
  const combined = guardsOf(lifecycle.chart).filter((guard) => !/^g[123]$/u.test(guard));
  return {
    g1: ({ context }: { context: { g1: boolean } }) => context.g1,
    g2: ({ context }: { context: { g2: boolean } }) => context.g2,
    g3: () => false,
    ...Object.fromEntries(combined.map((guard) => [guard, read(guard)[0]])),
  };
}

describe(`a lifecycle read in again from its XState JSON (seed ${machinesToTry.seed})`, () => {
  it.each(machines.map((machine) => [machine.resource, machine] as const))(
    'is the same lifecycle: %s',
    (_, lifecycle) => {
      expect(contentOf(reimport(lifecycle))).toEqual(contentOf(lifecycle));
    },
  );

  it('is the same lifecycle with a guard and a compound state', () => {
    const guards = { hasMembers: () => true };
    expect(contentOf(reimport(loadBalancer, guards))).toEqual(contentOf(loadBalancer));
  });

  it(
    'is the same lifecycle for random machines with parallel regions, wildcards and guards',
    () => {
      let compared = 0;
      fc.assert(
        fc.property(randomShape, (shape) => {
          let lifecycle: AnyLifecycle;
          try {
            const machine = machineOf(shape);
            lifecycle = defineLifecycle({
              resource: 'Random',
              version: 1,
              machine,
              events: [...randomEvents],
            });
          } catch (error) {
            expect(error).toBeInstanceOf(DefinitionError);
            return;
          }
          compared += 1;
          const copy = reimport(lifecycle, randomGuards(lifecycle), randomEvents);
          expect(contentOf(copy)).toEqual(contentOf(lifecycle));
        }),
        machinesToTry,
      );
      expect(compared).toBeGreaterThan(machinesToTry.numRuns / 5);
    },
    timeToTry,
  );

  it('is the same lifecycle whatever the names hold', () => {
    fc.assert(
      fc.property(hostileNames, (names) => {
        const lifecycle = hostileLifecycle(names);
        const copy = reimport(lifecycle, { [names.guard]: () => true });
        expect(contentOf(copy)).toEqual(contentOf(lifecycle));
      }),
      { numRuns: 200 },
    );
  });
});
