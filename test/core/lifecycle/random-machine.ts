import fc from 'fast-check';
import { and, not, or, setup, stateIn } from 'xstate';
import { DefinitionError } from '../../../src/core/errors/errors.js';
import { defineLifecycle } from '../../../src/core/lifecycle/define-lifecycle.js';
import { effects } from '../../../src/core/lifecycle/effects.js';
import type { AnyLifecycle } from '../../../src/core/lifecycle/lifecycle.js';
import { long, seed } from '../../faults/support/fault-length.js';

/** What the guards of a random machine read. */
export interface Answers {
  readonly g1: boolean;
  readonly g2: boolean;
}

/** Every context there is. */
export const everyAnswer: readonly Answers[] = [
  { g1: false, g2: false },
  { g1: false, g2: true },
  { g1: true, g2: false },
  { g1: true, g2: true },
];

export const randomEvents = ['a', 'b', 'c.x', 'c.y'] as const;

/**
 * How a property is tried on random machines. Each run of the short form draws others: many runs try
 * what the long form tries at once.
 */
export const machinesToTry = {
  seed,
  numRuns: long ? 600 : 40,
  // Shrinking a machine can take gigabytes; to see a small one, take the printed seed and shrink it alone.
  endOnFailure: true,
} as const;

/** Milliseconds in which also a busy computer has tried them. */
export const timeToTry = long ? 600_000 : 120_000;

interface Shape {
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final';
  readonly children: readonly Shape[];
  readonly initial: number;
  readonly entry: boolean;
  readonly exit: boolean;
  readonly on: readonly (readonly [string, readonly Candidate[]])[];
  readonly after: readonly (readonly [number, readonly Candidate[]])[];
  readonly always: readonly Candidate[];
  readonly onDone: readonly Candidate[];
}

interface Candidate {
  /** Index into the nodes of the machine, modulo their number; undefined stays. */
  readonly target: number | undefined;
  /** A second target, which is left out where the two cannot be active together. */
  readonly second?: number | undefined;
  readonly reenter: boolean;
  readonly guard: GuardShape | undefined;
  readonly action: boolean;
}

type GuardShape =
  | { readonly kind: 'g1' | 'g2' | 'g3' }
  | { readonly kind: 'in'; readonly node: number }
  | { readonly kind: 'not'; readonly of: GuardShape }
  | { readonly kind: 'and' | 'or'; readonly of: readonly [GuardShape, GuardShape] };

const guard: fc.Arbitrary<GuardShape> = fc.letrec<{ guard: GuardShape }>((tie) => ({
  guard: fc.oneof(
    { maxDepth: 2 },
    { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('g1', 'g2', 'g3') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('in'), node: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('not'), of: tie('guard') }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom('and', 'or'),
        of: fc.tuple(tie('guard'), tie('guard')),
      }),
    },
  ) as fc.Arbitrary<GuardShape>,
})).guard;

const candidate: fc.Arbitrary<Candidate> = fc.record({
  target: fc.option(fc.nat(30), { nil: undefined, freq: 6 }),
  second: fc.oneof(
    { weight: 8, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.nat(30) },
  ),
  reenter: fc.boolean(),
  guard: fc.option(guard, { nil: undefined, freq: 2 }),
  action: fc.boolean(),
});

const descriptors = [...randomEvents, '*', 'c.*'];

const transitions = {
  entry: fc.boolean(),
  exit: fc.boolean(),
  initial: fc.nat(5),
  on: fc.uniqueArray(
    fc.tuple(fc.constantFrom(...descriptors), fc.array(candidate, { minLength: 1, maxLength: 2 })),
    { selector: ([descriptor]) => descriptor, maxLength: 4 },
  ),
  after: fc.uniqueArray(
    fc.tuple(fc.constantFrom(1000, 2000), fc.array(candidate, { minLength: 1, maxLength: 2 })),
    { selector: ([delay]) => delay, maxLength: 2 },
  ),
  always: fc.oneof(
    { weight: 6, arbitrary: fc.constant([]) },
    {
      weight: 1,
      arbitrary: fc.array(
        fc.record({
          target: fc.nat(30),
          reenter: fc.boolean(),
          guard,
          action: fc.boolean(),
        }),
        { minLength: 1, maxLength: 1 },
      ),
    },
  ),
  onDone: fc.array(candidate, { maxLength: 1 }),
};

const nothing = { on: [], after: [], always: [], onDone: [] } as const;

const { node } = fc.letrec<{ node: Shape; compound: Shape }>((tie) => ({
  compound: fc.record({
    kind: fc.constant('compound'),
    children: fc.array(tie('node'), { minLength: 1, maxLength: 3 }),
    ...transitions,
  }) as fc.Arbitrary<Shape>,
  node: fc.oneof(
    { maxDepth: 2 },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('atomic'),
        children: fc.constant([]),
        ...transitions,
      }),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({
          kind: fc.constant('final'),
          children: fc.constant([]),
          ...transitions,
        })
        // One within another state may be left: mostly it is not.
        .chain((shape) =>
          fc.oneof(
            { weight: 3, arbitrary: fc.constant({ ...shape, ...nothing }) },
            { weight: 1, arbitrary: fc.constant(shape) },
          ),
        ),
    },
    { weight: 2, arbitrary: tie('compound') },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('parallel'),
        children: fc.array(tie('compound'), { minLength: 2, maxLength: 2 }),
        ...transitions,
      }),
    },
  ) as fc.Arbitrary<Shape>,
}));

/** The root of a random machine: compound or parallel, with wildcards, guards, deadlines and effects. */
export const randomShape: fc.Arbitrary<Shape> = fc
  .oneof(
    fc.record({
      kind: fc.constant('compound'),
      children: fc.array(node, { minLength: 2, maxLength: 4 }),
      ...transitions,
    }),
    fc.record({
      kind: fc.constant('parallel'),
      children: fc.array(
        fc.record({
          kind: fc.constant('compound'),
          children: fc.array(node, { minLength: 1, maxLength: 3 }),
          ...transitions,
        }),
        { minLength: 2, maxLength: 2 },
      ),
      ...transitions,
    }),
  )
  // XState takes its time for each step; small machines find the same differences sooner.
  .filter((shape) => configurations(shape as Shape) <= (long ? 16 : 8)) as fc.Arbitrary<Shape>;

function configurations({ kind, children }: Shape): number {
  const counts = children.map(configurations);
  if (kind === 'parallel') return counts.reduce((product, count) => product * count, 1);
  return counts.length === 0 ? 1 : counts.reduce((sum, count) => sum + count, 0);
}

/**
 * XState orders the regions of a parallel state by when they were entered, which a row does not
 * remember; the table orders them as declared, as SCXML does. Where two regions want to leave for
 * different states at once, after the first microstep, the answers may differ. Such machines are
 * avoided: next to parallel states at most one state has an eventless transition, and no completion is
 * caught by a wildcard.
 */
function withoutRaces(shape: Shape): Shape {
  if (!some(shape, ({ kind }) => kind === 'parallel')) return shape;
  const wildcards = some(shape, ({ on }) => on.some(([descriptor]) => descriptor === '*'));
  let eventless = 0;
  const visit = (current: Shape): Shape => ({
    ...current,
    kind: wildcards && current.kind === 'final' ? 'atomic' : current.kind,
    always: current.always.length > 0 && (eventless += 1) === 1 ? current.always : [],
    children: current.children.map(visit),
  });
  return visit(shape);
}

function some(shape: Shape, holds: (shape: Shape) => boolean): boolean {
  return holds(shape) || shape.children.some((child) => some(child, holds));
}

/** Writes a shape as an XState machine. Every node has its path as id. */
export function machineOf(random: Shape) {
  const shape = withoutRaces(random);
  const ids: string[] = [];
  collectIds(shape, 'm', ids);
  const idOf = (index: number): string => `#${ids[index % ids.length] ?? ''}`;
  const targetsOf = (target: number, second: number | undefined): string | readonly string[] => {
    if (second === undefined) return idOf(target);
    const pair = [idOf(target), idOf(second)] as const;
    return mayBeBoth(shape, ...pair) ? pair : idOf(target);
  };
  let announced = 0;
  const usage = () => ({ type: 'usage', params: { type: `U${(announced += 1)}` } });
  const guardOf = (guardShape: GuardShape): never => {
    switch (guardShape.kind) {
      case 'in':
        return stateIn(idOf(guardShape.node) as never) as never;
      case 'not':
        return not(guardOf(guardShape.of)) as never;
      case 'and':
        return and(guardShape.of.map(guardOf) as never) as never;
      case 'or':
        return or(guardShape.of.map(guardOf) as never) as never;
      default:
        return guardShape.kind as never;
    }
  };
  const transitionOf = (declared: Candidate): object => ({
    ...(declared.target === undefined
      ? {}
      : { target: targetsOf(declared.target, declared.second) }),
    ...(declared.reenter ? { reenter: true } : {}),
    ...(declared.guard === undefined ? {} : { guard: guardOf(declared.guard) }),
    ...(declared.action ? { actions: [usage()] } : {}),
  });
  const transitionsOf = (pairs: Shape['on'] | Shape['after']): object =>
    Object.fromEntries(pairs.map(([key, list]) => [key, list.map(transitionOf)]));
  const configOf = (current: Shape, id: string): object => ({
    id,
    ...(current.kind === 'final' || current.kind === 'parallel' ? { type: current.kind } : {}),
    ...(current.kind === 'compound'
      ? { initial: `s${current.initial % current.children.length}` }
      : {}),
    ...(current.entry ? { entry: [usage()] } : {}),
    ...(current.exit ? { exit: [usage()] } : {}),
    on: transitionsOf(current.on),
    after: transitionsOf(current.after),
    ...(current.always.length === 0 ? {} : { always: current.always.map(transitionOf) }),
    ...(current.children.length === 0
      ? {}
      : {
          ...(current.onDone.length === 0 ? {} : { onDone: current.onDone.map(transitionOf) }),
          states: Object.fromEntries(
            current.children.map((child, index) => [
              `s${index}`,
              configOf(child, `${id}-${index}`),
            ]),
          ),
        }),
  });
  return setup({
    types: {} as { context: Answers; events: { type: (typeof randomEvents)[number] } },
    actions: effects,
    guards: {
      g1: ({ context }) => context.g1,
      g2: ({ context }) => context.g2,
      // Sees which event a transition is taken for: the caller's, or the completion of a state.
      g3: ({ event }) => event.type === 'a' || event.type.startsWith('xstate.done'),
    },
  }).createMachine({
    ...configOf(shape, 'm'),
    context: { g1: false, g2: false },
    options: { maxIterations: 1000 },
  } as never);
}

/**
 * Defines a random machine. Undefined where the compiler refuses it: one may chain eventless transitions
 * without end, or be created by a guard's answer, and XState would not return.
 */
export function defineRandom(machine: ReturnType<typeof machineOf>): AnyLifecycle | undefined {
  try {
    return defineLifecycle({ resource: 'Random', version: 1, machine, events: [...randomEvents] });
  } catch (error) {
    if (error instanceof DefinitionError) return undefined;
    throw error;
  }
}

/** Whether two nodes lie in different regions of one parallel state. */
function mayBeBoth(shape: Shape, one: string, other: string): boolean {
  const [first, second] = [one, other].map((id) => id.split('-').slice(1).map(Number));
  let around: Shape | undefined = shape;
  for (const [depth, index] of (first ?? []).entries()) {
    const there = second?.[depth];
    if (there === undefined) return false;
    if (there !== index) return around?.kind === 'parallel';
    around = around?.children[index];
  }
  return false;
}

function collectIds(shape: Shape, id: string, ids: string[]): void {
  ids.push(id);
  shape.children.forEach((child, index) => collectIds(child, `${id}-${index}`, ids));
}
