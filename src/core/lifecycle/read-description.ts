import type { DescribedEffect, LifecycleDescription } from './describe-lifecycle.js';
import {
  type AnyLifecycle,
  type ChartNode,
  type Deadline,
  type Effect,
  type TableGuard,
  type TableRow,
  type TransitionDeclaration,
} from './lifecycle.js';

type Described = LifecycleDescription['transitions'][number];

/**
 * A lifecycle from its description, for tools: to be drawn, planned, explained and compared. Pure. Its
 * guards are names without implementation, which hold; nesting is that of dotted names, and states of
 * parallel regions stand beside each other.
 */
export function lifecycleOf(description: LifecycleDescription): AnyLifecycle {
  const { resource, version, initial, initialStates, events } = description;
  const deadlines = new Map(
    description.deadlines.map(({ id, state, after, alert }): [string, Deadline] => [
      id,
      { id, state, after, alert: effectOf(alert) },
    ]),
  );
  const deadlinesOf = (ids: readonly string[]): readonly Deadline[] =>
    ids.flatMap((id) => deadlines.get(id) ?? []);
  const states = description.states.map(({ deadlines: ids, ...state }) => ({
    ...state,
    deadlines: deadlinesOf(ids),
  }));
  const rows = new Map<string, Map<string, TableRow[]>>();
  const timeouts = new Map<string, Map<string, TableRow[]>>();
  const transitions = description.transitions.map((each): TransitionDeclaration => {
    const { from, event, deadline, to, arms = [], cancels = [], remembers } = each;
    const effects = each.effects.map(effectOf);
    const guards: readonly TableGuard[] =
      each.guard === undefined ? [] : [{ name: each.guard, expected: true, test: () => true }];
    const own = deadline === undefined ? effects : effects.slice(1);
    const row: TableRow = {
      lawful: true,
      from,
      event,
      ...(deadline === undefined ? {} : { deadline }),
      to,
      next: to,
      changed: from !== to,
      effects: own,
      guards,
      arms: deadlinesOf(arms),
      cancels,
      ...(remembers === undefined ? {} : { remembers }),
    };
    push(deadline === undefined ? rows : timeouts, from, deadline ?? event, row);
    return {
      from,
      event,
      ...(deadline === undefined ? {} : { deadline }),
      to,
      effects,
      ...(guards.length === 0
        ? {}
        : { guards: guards.map(({ name, expected }) => ({ name, expected })) }),
      arms,
      cancels,
      ...(remembers === undefined ? {} : { remembers }),
    };
  });
  const sendable = events.filter((event) => event !== 'DeadlineExceeded');
  return {
    resource,
    version,
    initial,
    initialStates,
    states,
    events: sendable,
    transitions,
    regions: [
      {
        path: '',
        states,
        entries: description.creations.map(({ state, effects, arms }) => ({
          state,
          effects: effects.map(effectOf),
          arms: deadlinesOf(arms),
        })),
        transitions,
      },
    ],
    chart: chartOf(description, deadlines),
    shadowed: [],
    table: {
      rows,
      timeouts,
      creations: new Map(
        description.creations.map(({ state, effects, arms }) => [
          state,
          { lawful: true, state, effects: effects.map(effectOf), arms: deadlinesOf(arms) },
        ]),
      ),
      deadlines,
      armed: new Map(states.map((state) => [state.name, state.deadlines])),
      events: new Set(sendable),
      guardedEvents: new Set(
        transitions.filter(({ guards }) => guards !== undefined).map(({ event }) => event),
      ),
      histories: new Map(),
    },
  };
}

function push(
  table: Map<string, Map<string, TableRow[]>>,
  from: string,
  trigger: string,
  row: TableRow,
): void {
  const byTrigger = table.get(from) ?? new Map<string, TableRow[]>();
  table.set(from, byTrigger);
  byTrigger.set(trigger, [...(byTrigger.get(trigger) ?? []), row]);
}

function effectOf({ category, type, data }: DescribedEffect): Effect {
  return { category, type, ...(data === undefined ? {} : { data }) };
}

type Writable = { -readonly [K in keyof ChartNode]: ChartNode[K] } & { children: Writable[] };

function chartOf(
  { resource, states, transitions, initial }: LifecycleDescription,
  deadlines: ReadonlyMap<string, Deadline>,
): ChartNode {
  const root = nodeOf(resource, '');
  const nodes = new Map([['', root]]);
  const nodeAt = (path: string): Writable => {
    const known = nodes.get(path);
    if (known !== undefined) return known;
    // JSON names the states of parallel regions: dots in it are no nesting.
    const cut = path.startsWith('{') ? -1 : path.lastIndexOf('.');
    const around = cut < 0 ? root : nodeAt(path.slice(0, cut));
    const node = nodeOf(path.slice(cut + 1), path);
    nodes.set(path, node);
    around.kind = 'compound';
    around.initial ??= path;
    around.children.push(node);
    return node;
  };
  for (const { name, tags, final } of states) {
    const node = nodeAt(name);
    node.tags = tags;
    if (final) node.kind = 'final';
  }
  for (let path = initial; path !== ''; path = parentOf(path)) {
    const around = nodes.get(parentOf(path));
    if (around !== undefined) around.initial = path;
  }
  for (const deadline of deadlines.values()) {
    const node = nodes.get(deadline.state);
    if (node !== undefined) node.deadlines = [...node.deadlines, deadline];
  }
  for (const transition of transitions) {
    const node = nodeAt(transition.from);
    node.transitions = [...node.transitions, chartTransition(transition, deadlines)];
  }
  return root;
}

function nodeOf(name: string, path: string): Writable {
  return {
    name,
    path,
    kind: 'atomic',
    tags: [],
    entry: [],
    exit: [],
    deadlines: [],
    transitions: [],
    children: [],
  };
}

function parentOf(path: string): string {
  const cut = path.startsWith('{') ? -1 : path.lastIndexOf('.');
  return cut < 0 ? '' : path.slice(0, cut);
}

function chartTransition(
  { event, deadline: id, from, to, guard, effects }: Described,
  deadlines: ReadonlyMap<string, Deadline>,
): ChartNode['transitions'][number] {
  const deadline = id === undefined ? undefined : deadlines.get(id);
  const own = deadline === undefined ? effects : effects.slice(1);
  return {
    trigger: deadline === undefined ? { kind: 'event', event } : { kind: 'deadline', deadline },
    targets: [to],
    reenter: from === to,
    ...(guard === undefined ? {} : { guard }),
    effects: own.map(effectOf),
    forbidden: false,
  };
}
