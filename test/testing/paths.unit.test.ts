import fc from 'fast-check';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { loadBalancer } from '../../examples/load-balancer.js';
import { machines, network, volume } from '../../machines/index.js';
import type { AnyLifecycle, TransitionDeclaration } from '../../src/core/lifecycle/lifecycle.js';
import { plan } from '../../src/core/lifecycle/plan.js';
import { follow } from '../../src/testing/paths/follow.js';
import type { Path } from '../../src/testing/paths/path.js';
import { paths } from '../../src/testing/paths/paths.js';

const lifecycles: readonly AnyLifecycle[] = [...machines, loadBalancer];

const taken = (list: readonly Path[]): ReadonlySet<TransitionDeclaration> =>
  new Set(list.flatMap(({ steps }) => steps));

const expectConnected = ({ start, steps }: Path): void => {
  let state = start;
  for (const { from, to } of steps) {
    expect(from).toBe(state);
    state = to;
  }
};

describe.each(lifecycles.map((lifecycle) => [lifecycle.resource, lifecycle] as const))(
  '%s',
  (_, lifecycle) => {
    it('every transition is taken, from where a resource can be born', () => {
      const all = paths.allTransitions(lifecycle);
      expect(taken(all)).toEqual(new Set(lifecycle.transitions));
      for (const path of all) {
        expectConnected(path);
        expect(lifecycle.initialStates).toContain(path.start);
      }
    });

    it('every pair of transitions that can follow each other is taken', () => {
      const seen = new Set<string>();
      const key = (one: TransitionDeclaration, other: TransitionDeclaration): string =>
        `${lifecycle.transitions.indexOf(one)} ${lifecycle.transitions.indexOf(other)}`;
      for (const path of paths.allPairs(lifecycle)) {
        expectConnected(path);
        path.steps.reduce((one, other) => {
          seen.add(key(one, other));
          return other;
        });
      }
      const pairs = lifecycle.transitions.flatMap((one) =>
        lifecycle.transitions.filter(({ from }) => from === one.to).map((other) => key(one, other)),
      );
      expect(seen).toEqual(new Set(pairs));
    });

    it('no path is longer than asked for, unless there is no shorter way', () => {
      for (const { steps, start } of paths.allTransitions(lifecycle, { longest: 3 })) {
        if (steps.length <= 3) continue;
        const last = steps.at(-1) as TransitionDeclaration;
        const way = plan(lifecycle, start, last.from, { timeouts: true });
        expect(way.possible && way.steps.length).toBe(steps.length - 1);
      }
    });

    it('any numbers choose a lawful walk', () => {
      fc.assert(
        fc.property(fc.array(fc.nat()).map(paths.walker(lifecycle)), (walk) => {
          expectConnected(walk);
          expect(lifecycle.initialStates).toContain(walk.start);
        }),
      );
    });
  },
);

it('a transition that no creation leads to is taken by a path of its own', () => {
  const { transitions } = network;
  const lonely = { ...network, initialStates: ['Destroy'] } as unknown as typeof network;
  expect(taken(paths.allTransitions(lonely))).toEqual(new Set(transitions));
});

it('timeouts and whatever else is not wanted are left out', () => {
  const all = taken(paths.allTransitions(volume, { timeouts: false }));
  expect([...all].map(({ event }) => event)).not.toContain('DeadlineExceeded');
  const some = paths.allTransitions(volume, { where: ({ effects }) => effects.length === 0 });
  expect([...taken(some)].flatMap(({ effects }) => effects)).toEqual([]);
});

it('the shortest path is lawful and ends where it should; where none leads there is none', () => {
  const path = paths.shortest(volume, 'UploadError', 'Expunged');
  if (path === undefined) throw new Error('there is a way');
  expect(follow(volume, path)).toBe('Expunged');
  expect(paths.shortest(network, 'Destroy', 'Allocated')).toBeUndefined();
});

it('a walk that breaks a rule shrinks to the shortest that does', () => {
  const walks = fc.array(fc.nat()).map(paths.walker(network));
  const result = fc.check(
    fc.property(walks, ({ steps }) => steps.every(({ to }) => to !== 'Implemented')),
    { numRuns: 1000, seed: 1 },
  );
  const [found] = result.counterexample ?? [];
  expect(found?.steps.map(({ event }) => event)).toEqual([
    'ImplementNetwork',
    'OperationSucceeded',
  ]);
});

it('a guarded transition is taken with the context it is given, and refused with another', () => {
  const all = paths.allTransitions(loadBalancer);
  for (const path of all) follow(loadBalancer, path, { context: () => ({ members: 1 }) });
  expect(() =>
    all.forEach((path) => follow(loadBalancer, path, { context: () => ({ members: 0 }) })),
  ).toThrow(/guards refused: hasMembers/);
});

it('following a path that another lifecycle declares fails where it differs', () => {
  const [path] = paths.allTransitions(volume);
  if (path === undefined) throw new Error('a volume has transitions');
  const steps = path.steps.map((step) => ({ ...step, effects: [] }));
  const metered = path.steps.find(({ effects }) => effects.length > 0);
  expect(metered).toBeDefined();
  expect(() => follow(volume, { ...path, steps })).toThrow(/other effects than declared/);
});

it('paths know the names of their lifecycle', () => {
  const path = paths.walker(network)([]);
  expectTypeOf(path.start).toEqualTypeOf<(typeof network)['initial']>();
  // @ts-expect-error an unknown state does not compile
  expect(paths.shortest(network, 'Allocated', 'Gone')).toBeUndefined();
});
