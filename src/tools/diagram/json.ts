import { effectCategories } from '../../core/lifecycle/effects.js';
import {
  stuckAlert,
  type ChartHistory,
  type ChartNode,
  type ChartTransition,
  type Deadline,
  type Effect,
} from '../../core/lifecycle/lifecycle.js';
import type { JsonObject } from '../../core/json/json.js';
import type { DrawnMachine } from './graph.js';

/** A machine as XState writes it, in plain JSON. */
export type XStateConfig = JsonObject;

/**
 * A lifecycle as the configuration of an XState v5 machine: plain JSON, for the tools around XState and
 * to be read in again. Pure; a copy, safe to change.
 *
 * Guards stand as names, compound ones as their expression (`and(isFull, not(isLocked))`): give each an
 * implementation in `setup({ guards })`, and the effects in `setup({ actions: effects })`. Defined anew
 * with the same version and initialStates, it is the same lifecycle, step by step.
 *
 * @example
 * ```ts
 * const copy = setup({ actions: effects }).createMachine(json(volume));
 * defineLifecycle({ resource: 'Volume', version: 1, initialStates: ['NotUploaded'], machine: copy });
 * ```
 */
export function json(machine: DrawnMachine): XStateConfig {
  const { resource, version, initialStates: creations, chart } = machine;
  return {
    id: resource,
    version: String(version),
    ...configOf(chart, resource),
    meta: { creations: [...creations] },
  };
}

function configOf(node: ChartNode, machine: string): JsonObject {
  const { kind, tags, description, initial, entry, exit, children, histories = [] } = node;
  const transitions = new Map<string, JsonObject[]>();
  const always: JsonObject[] = [];
  const done: JsonObject[] = [];
  for (const transition of node.transitions) {
    const { trigger } = transition;
    if (trigger.kind === 'deadline') continue;
    const config = transitionOf(transition, transition.effects, machine);
    if (trigger.kind === 'always') always.push(config);
    else if (trigger.kind === 'done') done.push(config);
    else transitions.set(trigger.event, [...(transitions.get(trigger.event) ?? []), config]);
  }
  const after = node.deadlines.map((deadline): [string, JsonObject[]] => [
    String(deadline.after),
    candidatesOf(deadline, node, machine),
  ]);
  return {
    ...(kind === 'final' || kind === 'parallel' ? { type: kind } : {}),
    ...(description === undefined ? {} : { description }),
    ...(tags.length === 0 ? {} : { tags: [...tags] }),
    ...(initial === undefined ? {} : { initial: keyOf(initial) }),
    ...(entry.length === 0 ? {} : { entry: entry.map(actionOf) }),
    ...(exit.length === 0 ? {} : { exit: exit.map(actionOf) }),
    ...(transitions.size === 0 ? {} : { on: Object.fromEntries(transitions) }),
    ...(after.length === 0 ? {} : { after: Object.fromEntries(after) }),
    ...(always.length === 0 ? {} : { always }),
    ...(done.length === 0 ? {} : { onDone: done }),
    ...(children.length === 0
      ? {}
      : {
          states: Object.fromEntries([
            ...children.map((child) => [child.name, configOf(child, machine)] as const),
            ...histories.map((history) => [history.name, historyOf(history, machine)] as const),
          ]),
        }),
  };
}

function historyOf({ deep, targets }: ChartHistory, machine: string): JsonObject {
  return {
    type: 'history',
    history: deep ? 'deep' : 'shallow',
    target: targetOf(targets, machine),
  };
}

// The alert belongs to the deadline; XState has a place for it on the transition only.
function candidatesOf(
  deadline: Deadline,
  { transitions }: ChartNode,
  machine: string,
): JsonObject[] {
  const candidates = transitions.filter(
    ({ trigger }) => trigger.kind === 'deadline' && trigger.deadline.id === deadline.id,
  );
  const { alert, description } = deadline;
  if (candidates.every(({ forbidden }) => forbidden)) {
    const isDefault = alert.type === stuckAlert && alert.data === undefined;
    const silent = candidates.map((candidate) => transitionOf(candidate, [], machine));
    if (silent.length > 0) return silent;
    return [
      {
        ...(description === undefined ? {} : { description }),
        ...(isDefault ? {} : { actions: [actionOf(alert)] }),
      },
    ];
  }
  return candidates.map((candidate) =>
    transitionOf(candidate, candidate.forbidden ? [] : [alert, ...candidate.effects], machine),
  );
}

function transitionOf(
  { targets, reenter, guard, description }: ChartTransition,
  effects: readonly Effect[],
  machine: string,
): JsonObject {
  return {
    ...(targets.length === 0 ? {} : { target: targetOf(targets, machine) }),
    ...(reenter ? { reenter } : {}),
    ...(guard === undefined ? {} : { guard }),
    ...(effects.length === 0 ? {} : { actions: effects.map(actionOf) }),
    ...(description === undefined ? {} : { description }),
  };
}

function targetOf(targets: readonly string[], machine: string): string | string[] {
  // XState takes a backslash in a path for the beginning of an escape.
  const ids = targets.map((path) =>
    `#${machine}${path === '' ? '' : `.${path}`}`.replaceAll('\\', '\\\\'),
  );
  const [only] = ids;
  return ids.length === 1 && only !== undefined ? only : ids;
}

function actionOf({ category, type, data }: Effect): JsonObject {
  const name = Object.entries(effectCategories).find(
    ([, announced]) => announced === category,
  )?.[0];
  return {
    type: name ?? category,
    params: { type, ...(data === undefined ? {} : { data: structuredClone(data) }) },
  };
}

function keyOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}
