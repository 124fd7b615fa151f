import type { LifecycleDescription } from '../../core/lifecycle/describe-lifecycle.js';
import { deadlineExceeded } from '../../core/lifecycle/lifecycle.js';
import type { ChangeClass, LifecycleChange } from './lifecycle-change.js';
import { deadlineChanges } from './deadline-changes.js';
import { creationChanges, transitionChanges } from './transition-changes.js';

/** Every difference between two versions of a lifecycle. */
export interface LifecycleDiff {
  readonly resource: string;
  readonly from: LifecycleDescription;
  readonly to: LifecycleDescription;
  /** The gravest class of the changes; `compatible` when there are none. */
  readonly class: ChangeClass;
  readonly changes: readonly LifecycleChange[];
}

type State = LifecycleDescription['states'][number];

const gravity: readonly ChangeClass[] = ['compatible', 'migration', 'breaking'];

/** Pure. Whether a class is as grave as another, or graver. */
export function isAtLeast(found: ChangeClass, limit: ChangeClass): boolean {
  return gravity.indexOf(found) >= gravity.indexOf(limit);
}

/**
 * Compares two versions of a lifecycle, as `describeLifecycle()` tells them, and classes each
 * difference. Pure, never throws. Descriptions do not hold why things are as they are, nor what guards
 * compute: those are not compared.
 *
 * @example
 * ```ts
 * const { class: found, changes } = diffLifecycles(describeLifecycle(before), describeLifecycle(volume));
 * ```
 */
export function diffLifecycles(
  from: LifecycleDescription,
  to: LifecycleDescription,
): LifecycleDiff {
  const found = [
    ...initialStateChanges(from, to),
    ...creationChanges(from, to),
    ...stateChanges(from, to),
    ...deadlineChanges(from, to),
    ...eventChanges(from, to),
    ...transitionChanges(from, to),
  ];
  const changes = [...versionChanges(from, to, found.length > 0), ...found];
  return {
    resource: to.resource,
    from,
    to,
    class:
      gravity.findLast((one) => changes.some((change) => change.class === one)) ?? 'compatible',
    changes,
  };
}

function versionChanges(
  from: LifecycleDescription,
  to: LifecycleDescription,
  changed: boolean,
): readonly LifecycleChange[] {
  if (to.version > from.version || (to.version === from.version && !changed)) return [];
  const message =
    to.version < from.version
      ? `The version goes back from ${from.version} to ${to.version}: rows of both cannot be told apart.`
      : `The lifecycle changed and its version is still ${to.version}. Raise it, so that rows tell which rules wrote them.`;
  return [{ class: 'breaking', part: 'version', change: 'changed', name: to.resource, message }];
}

function initialStateChanges(
  from: LifecycleDescription,
  to: LifecycleDescription,
): readonly LifecycleChange[] {
  const initial: readonly LifecycleChange[] =
    from.initial === to.initial
      ? []
      : [
          {
            class: 'breaking',
            part: 'creation',
            change: 'changed',
            name: to.initial,
            message: `Resources are created in ${to.initial} instead of ${from.initial}, unless told otherwise.`,
          },
        ];
  return [
    ...initial,
    ...from.initialStates
      .filter((name) => !to.initialStates.includes(name))
      .map((name): LifecycleChange => ({
        class: 'breaking',
        part: 'creation',
        change: 'removed',
        name,
        message: `Nothing can be created in ${name} any more.`,
      })),
    ...to.initialStates
      .filter((name) => !from.initialStates.includes(name))
      .map((name): LifecycleChange => ({
        class: 'compatible',
        part: 'creation',
        change: 'added',
        name,
        message: `Resources can be created in ${name} too.`,
      })),
  ];
}

function stateChanges(
  from: LifecycleDescription,
  to: LifecycleDescription,
): readonly LifecycleChange[] {
  const after = new Map(to.states.map((state) => [state.name, state]));
  const before = new Set(from.states.map(({ name }) => name));
  return [
    ...from.states.flatMap((state) => {
      const next = after.get(state.name);
      return next === undefined ? [removedState(state)] : stateChange(state, next);
    }),
    ...to.states
      .filter(({ name }) => !before.has(name))
      .map(({ name }): LifecycleChange => ({
        class: 'compatible',
        part: 'state',
        change: 'added',
        name,
        message: `${name} is a new state.`,
      })),
  ];
}

function removedState({ name }: State): LifecycleChange {
  return {
    class: 'migration',
    part: 'state',
    change: 'removed',
    name,
    message: `${name} is gone: rows that are in it must be moved to a state that exists.`,
  };
}

function stateChange(before: State, after: State): readonly LifecycleChange[] {
  const { name } = before;
  const changes: LifecycleChange[] = [];
  if (before.final !== after.final) {
    changes.push({
      class: after.final ? 'breaking' : 'compatible',
      part: 'state',
      change: 'changed',
      name,
      message: after.final
        ? `${name} is final now: nothing leaves it.`
        : `${name} is final no more.`,
    });
  }
  if (before.tags.toSorted().join('\n') !== after.tags.toSorted().join('\n')) {
    const tags = after.tags.length === 0 ? 'nothing' : after.tags.join(', ');
    changes.push({
      class: 'compatible',
      part: 'state',
      change: 'changed',
      name,
      message: `${name} is tagged ${tags} instead of ${before.tags.join(', ') || 'nothing'}.`,
    });
  }
  return changes;
}

function eventChanges(
  from: LifecycleDescription,
  to: LifecycleDescription,
): readonly LifecycleChange[] {
  const isOwn = (event: string): boolean => event !== deadlineExceeded;
  return [
    ...from.events
      .filter((event) => isOwn(event) && !to.events.includes(event))
      .map((name): LifecycleChange => ({
        class: 'breaking',
        part: 'event',
        change: 'removed',
        name,
        message: `No state takes ${name} any more: whoever sends it is refused.`,
      })),
    ...to.events
      .filter((event) => isOwn(event) && !from.events.includes(event))
      .map((name): LifecycleChange => ({
        class: 'compatible',
        part: 'event',
        change: 'added',
        name,
        message: `${name} is a new event.`,
      })),
  ];
}
