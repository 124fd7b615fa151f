import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  after,
  announces,
  checkLifecycle,
  eventually,
  inState,
  never,
  type LifecycleDeclaration,
  type Rule,
  type TraceStep,
} from '../../../src/tools/check/index.js';
import { components } from '../../../src/tools/check/components.js';
import { canHold, parseGuard, type Formula } from '../../../src/tools/check/guard-formula.js';

// Small enough for a naive oracle that walks every path up to a length that cannot be exceeded.
const states = ['a', 'b', 'c', 'd'] as const;
const declarations = fc
  .array(
    fc.record({
      from: fc.constantFrom(...states),
      to: fc.constantFrom(...states),
      effects: fc.array(
        fc.constantFrom(
          { category: 'UsageEvent' as const, type: 'VM.START' },
          { category: 'UsageEvent' as const, type: 'VM.STOP' },
        ),
        { maxLength: 2 },
      ),
    }),
    { maxLength: 9 },
  )
  .map((edges): LifecycleDeclaration => ({
    resource: 'Random',
    initial: 'a',
    states: states.map((name) => ({ name, transitional: false, final: name === 'd' })),
    transitions: edges
      .filter(({ from }) => from !== 'd')
      .map((edge, index) => ({ ...edge, event: `E${index}` })),
  }));

/** Every path of at most `length` steps, shortest first. */
function* pathsOf({ transitions }: LifecycleDeclaration, length: number): Generator<TraceStep[]> {
  let paths: TraceStep[][] = [[{ from: null, event: null, to: 'a' }]];
  for (let steps = 0; steps <= length; steps += 1) {
    yield* paths;
    paths = paths.flatMap((path) =>
      transitions
        .filter(({ from }) => from === path.at(-1)?.to)
        .map(({ from, event, to, effects = [] }) => [
          ...path,
          { from, event, to, ...(effects.length === 0 ? {} : { effects }) },
        ]),
    );
    if (paths.length > 20_000) return;
  }
}

function traceOf(declaration: LifecycleDeclaration, rule: Rule): readonly TraceStep[] | undefined {
  return checkLifecycle(declaration, { rules: { rule } }).findings.find(
    ({ code }) => code === 'RULE_BROKEN',
  )?.trace;
}

function typesOf({ effects = [] }: TraceStep): readonly string[] {
  return effects.map(({ type }) => type);
}

describe('a counter-example', () => {
  it('to never() is found exactly when a path has it, and is a shortest', () => {
    fc.assert(
      fc.property(declarations, (declaration) => {
        let shortest: TraceStep[] | undefined;
        for (const path of pathsOf(declaration, 4)) {
          if (path.some((step) => step.to === 'c')) {
            shortest = path;
            break;
          }
        }
        expect(traceOf(declaration, never(inState('c')))).toEqual(shortest);
      }),
    );
  });

  it('to a rule with memory is found exactly when a path has it, and is a shortest', () => {
    const rule = after(announces('VM.START')).never(announces('VM.STOP'));
    fc.assert(
      fc.property(declarations, (declaration) => {
        const breaks = (path: readonly TraceStep[]) => {
          const start = path.findIndex((step) => typesOf(step).includes('VM.START'));
          return (
            start >= 0 && path.slice(start + 1).some((step) => typesOf(step).includes('VM.STOP'))
          );
        };
        // Four states and two modes: a shortest violation has at most eight steps.
        let shortest: number | undefined;
        let tried = 0;
        for (const path of pathsOf(declaration, 8)) {
          tried = path.length;
          if (!breaks(path)) continue;
          shortest = path.length;
          break;
        }
        const trace = traceOf(declaration, rule);
        if (shortest !== undefined) {
          expect(trace).toHaveLength(shortest);
          expect(breaks(trace ?? [])).toBe(true);
        } else {
          expect(trace === undefined || trace.length >= tried).toBe(true);
        }
      }),
    );
  });

  it('to eventually() is a shortest to where the demanded can be reached no more', () => {
    fc.assert(
      fc.property(declarations, (declaration) => {
        const trace = traceOf(declaration, eventually(inState('d')));
        const reachable = (from: string): ReadonlySet<string> => {
          const seen = new Set([from]);
          for (const state of seen) {
            for (const edge of declaration.transitions) if (edge.from === state) seen.add(edge.to);
          }
          return seen;
        };
        const lost = [...reachable('a')].some((state) => !reachable(state).has('d'));
        expect(trace !== undefined).toBe(lost);
        if (trace === undefined) return;
        const isLost = (path: readonly TraceStep[]) => !reachable(path.at(-1)?.to ?? '').has('d');
        expect(isLost(trace)).toBe(true);
        // Four states: the nearest is at most three steps away.
        expect(trace).toHaveLength([...pathsOf(declaration, 3)].find(isLost)?.length ?? 0);
      }),
    );
  });
});

it('a meter is told of exactly when a path does not alternate or ends with it open', () => {
  const meter = { name: 'm', starts: ['VM.START'], stops: ['VM.STOP'] };
  fc.assert(
    fc.property(declarations, (declaration) => {
      // A meter that no transition announces is refused.
      fc.pre(declaration.transitions.some(({ effects = [] }) => effects.length > 0));
      const leaves = (state: string) =>
        declaration.transitions.some(({ from, to }) => from === state && to !== state);
      const faulty = (path: readonly TraceStep[]) => {
        let open = false;
        for (const type of path.flatMap(typesOf)) {
          if (open === (type === 'VM.START')) return true;
          open = type === 'VM.START';
        }
        return open && !leaves(path.at(-1)?.to ?? '');
      };
      const findings = checkLifecycle(declaration, { meters: [meter] }).findings.filter(
        ({ place }) => place.meter !== undefined,
      );
      const pathologic = [...pathsOf(declaration, 8)].some(faulty);
      if (pathologic) expect(findings).not.toEqual([]);
      for (const { trace, message } of findings) {
        if (!message.startsWith('From ') && findings[0]?.trace === trace) {
          expect(faulty(trace ?? [])).toBe(true);
        }
      }
    }),
  );
});

it('components are the sets of nodes that lead to each other', () => {
  const graphs = fc.array(fc.array(fc.nat(7), { maxLength: 3 }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(graphs, (graph) => {
      const reach = (from: number) => {
        const seen = new Set([from]);
        for (const node of seen) for (const next of graph[node] ?? []) seen.add(next);
        return seen;
      };
      const found = components(graph.keys(), (node) => graph[node] ?? []);
      const home = new Map(found.flatMap((members, index) => members.map((node) => [node, index])));
      for (const a of graph.keys()) {
        for (const b of graph.keys()) {
          expect(home.get(a) === home.get(b)).toBe(reach(a).has(b) && reach(b).has(a));
        }
      }
    }),
  );
});

it('a guard can hold exactly when some line of its truth table does, whatever its spelling', () => {
  const { formula } = fc.letrec<{ formula: Formula }>((tie) => ({
    formula: fc.oneof(
      { maxDepth: 4 },
      fc
        .constantFrom('p', 'q({"of":"a, b)"})', 'r')
        .map((name): Formula => ({ kind: 'atom', name })),
      tie('formula').map((of): Formula => ({ kind: 'not', of })),
      fc
        .tuple(
          fc.constantFrom('and', 'or'),
          fc.array(tie('formula'), { minLength: 1, maxLength: 3 }),
        )
        .map(([kind, of]): Formula => ({ kind, of })),
    ),
  }));
  const spell = (one: Formula): string => {
    if (one.kind === 'atom') return one.name;
    if (one.kind === 'not') return `not(${spell(one.of)})`;
    return `${one.kind}(${one.of.map(spell).join(', ')})`;
  };
  const truth = (one: Formula, p: boolean, q: boolean, r: boolean): boolean => {
    if (one.kind === 'atom') return one.name === 'p' ? p : one.name === 'r' ? r : q;
    if (one.kind === 'not') return !truth(one.of, p, q, r);
    return one.kind === 'and'
      ? one.of.every((part) => truth(part, p, q, r))
      : one.of.some((part) => truth(part, p, q, r));
  };
  const both = [true, false];
  fc.assert(
    fc.property(formula, (one) => {
      const possible = both.some((p) => both.some((q) => both.some((r) => truth(one, p, q, r))));
      expect(canHold(parseGuard(spell(one)))).toBe(possible);
    }),
  );
});
