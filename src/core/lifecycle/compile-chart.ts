import type { ChartHistory, ChartNode, ChartTransition } from './lifecycle.js';
import type { GuardExpression, StateNode, Transition } from './tree.js';

/** The declared machine as frozen data for diagrams. Pure. */
export function chartOf(node: StateNode, name = node.key): ChartNode {
  return Object.freeze({
    name,
    path: node.path,
    // History states are no children: they are listed apart.
    kind: node.kind as ChartNode['kind'],
    tags: node.tags,
    ...(node.description === undefined ? {} : { description: node.description }),
    ...(node.initial === undefined ? {} : { initial: node.initial.path }),
    entry: node.entry,
    exit: node.exit,
    deadlines: Object.freeze(node.deadlines.map(({ deadline }) => deadline)),
    transitions: Object.freeze(transitionsOf(node)),
    children: Object.freeze(node.children.map((child) => chartOf(child))),
    ...(node.histories.length === 0
      ? {}
      : { histories: Object.freeze(node.histories.map(chartHistory)) }),
  });
}

function chartHistory({ key, path, history }: StateNode): ChartHistory {
  return Object.freeze({
    name: key,
    path,
    deep: history?.deep === true,
    targets: Object.freeze((history?.targets ?? []).map((target) => target.path)),
  });
}

function transitionsOf(node: StateNode): readonly ChartTransition[] {
  const deadlines = new Map(node.deadlines.map(({ event, deadline }) => [event, deadline]));
  const triggered = [...node.transitions].flatMap(([descriptor, candidates]) => {
    const deadline = deadlines.get(descriptor);
    const trigger: ChartTransition['trigger'] =
      deadline !== undefined
        ? { kind: 'deadline', deadline }
        : descriptor === node.doneEvent
          ? { kind: 'done' }
          : { kind: 'event', event: descriptor };
    return candidates.map((transition) => chartTransition(transition, trigger));
  });
  return [
    ...triggered,
    ...node.always.map((transition) => chartTransition(transition, { kind: 'always' })),
  ];
}

function chartTransition(
  { targets, reenter, guard, effects, forbidden, description }: Transition,
  trigger: ChartTransition['trigger'],
): ChartTransition {
  return Object.freeze({
    trigger: Object.freeze(trigger),
    targets: Object.freeze((targets ?? []).map(({ path }) => path)),
    reenter,
    ...(guard === undefined ? {} : { guard: guardText(guard) }),
    effects,
    forbidden,
    ...(description === undefined ? {} : { description }),
  });
}

function guardText(guard: GuardExpression): string {
  switch (guard.kind) {
    case 'named':
      return guard.name;
    case 'not':
      return `not(${guardText(guard.of)})`;
    case 'in':
      return `in(${guard.nodes.at(-1)?.path ?? ''})`;
    case 'and':
    case 'or':
      return `${guard.kind}(${guard.of.map(guardText).join(', ')})`;
  }
}
