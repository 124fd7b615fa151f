import type { LifecycleDescription } from '../../core/lifecycle/describe-lifecycle.js';
import { durationText } from '../../core/lifecycle/duration-text.js';
import { deadlineExceeded } from '../../core/lifecycle/lifecycle.js';
import { groupBy } from './group-by.js';

/**
 * What a change asks for.
 *
 * - `compatible`: whoever worked with the old version works with the new one.
 * - `migration`: rows that the old version wrote must be looked at before the new one runs.
 * - `breaking`: what was lawful or announced no longer is; callers or subscribers must change.
 */
export type ChangeClass = 'compatible' | 'migration' | 'breaking';

/** One difference between two versions of a lifecycle. */
export interface LifecycleChange {
  readonly class: ChangeClass;
  readonly part: 'version' | 'birth' | 'state' | 'deadline' | 'event' | 'transition';
  readonly change: 'added' | 'removed' | 'changed';
  /** The state, the event, or `from / event` of a transition. */
  readonly name: string;
  /** What changed and what it asks for, in one sentence. */
  readonly message: string;
}

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
type Transition = LifecycleDescription['transitions'][number];

const gravity: readonly ChangeClass[] = ['compatible', 'migration', 'breaking'];

/** Pure. Whether a class is as grave as another, or graver. */
export function isAtLeast(found: ChangeClass, limit: ChangeClass): boolean {
  return gravity.indexOf(found) >= gravity.indexOf(limit);
}

/**
 * Compares two versions of a lifecycle, as `describeLifecycle()` tells them, and classes each
 * difference. Pure, never throws. Descriptions do not hold why things are as they are, nor static data
 * of effects: those are not compared.
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
    ...birthChanges(from, to),
    ...stateChanges(from, to),
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

function birthChanges(
  from: LifecycleDescription,
  to: LifecycleDescription,
): readonly LifecycleChange[] {
  const initial: readonly LifecycleChange[] =
    from.initial === to.initial
      ? []
      : [
          {
            class: 'breaking',
            part: 'birth',
            change: 'changed',
            name: to.initial,
            message: `Resources are born in ${to.initial} instead of ${from.initial}, unless told otherwise.`,
          },
        ];
  return [
    ...initial,
    ...from.births
      .filter((name) => !to.births.includes(name))
      .map((name): LifecycleChange => ({
        class: 'breaking',
        part: 'birth',
        change: 'removed',
        name,
        message: `Nothing can be born in ${name} any more.`,
      })),
    ...to.births
      .filter((name) => !from.births.includes(name))
      .map((name): LifecycleChange => ({
        class: 'compatible',
        part: 'birth',
        change: 'added',
        name,
        message: `Resources can be born in ${name} too.`,
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
  if (before.deadline !== after.deadline) changes.push(deadlineChange(name, before, after));
  return changes;
}

function deadlineChange(name: string, before: State, after: State): LifecycleChange {
  if (after.deadline === null) {
    return {
      class: 'compatible',
      part: 'deadline',
      change: 'removed',
      name,
      message: `${name} has no deadline any more: those that run lapse.`,
    };
  }
  const now = durationText(after.deadline);
  return before.deadline === null
    ? {
        class: 'migration',
        part: 'deadline',
        change: 'added',
        name,
        message: `${name} has a deadline of ${now}: it does not run for rows that are there already.`,
      }
    : {
        class: 'migration',
        part: 'deadline',
        change: 'changed',
        name,
        message: `The deadline of ${name} is ${now} instead of ${durationText(before.deadline)}: those that run lapse, and none is armed for rows that are there already.`,
      };
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

function transitionChanges(
  from: LifecycleDescription,
  to: LifecycleDescription,
): readonly LifecycleChange[] {
  const [before, after] = [rowsOf(from), rowsOf(to)];
  const remaining = new Set(to.states.map(({ name }) => name));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [old = [], next = []] = [before.get(key), after.get(key)];
    const [first] = [...old, ...next];
    // What left a state that is gone is told by the state.
    if (first === undefined || !remaining.has(first.from)) return [];
    return rowsChange(first, old, next);
  });
}

function rowsOf({ transitions }: LifecycleDescription): ReadonlyMap<string, readonly Transition[]> {
  return groupBy(transitions, ({ from, event }) => `${from}\n${event}`);
}

function rowsChange(
  { from, event }: Transition,
  before: readonly Transition[],
  after: readonly Transition[],
): readonly LifecycleChange[] {
  const name = `${from} / ${event}`;
  const change = (
    changeClass: ChangeClass,
    kind: LifecycleChange['change'],
    message: string,
  ): LifecycleChange => ({ class: changeClass, part: 'transition', change: kind, name, message });
  if (before.length === 0) {
    return [change('compatible', 'added', `${from} takes ${event} now: ${waysOf(after)}.`)];
  }
  if (after.length === 0) {
    return [change('breaking', 'removed', `${from} does not take ${event} any more.`)];
  }
  const changes: LifecycleChange[] = [];
  if (waysOf(before) !== waysOf(after)) {
    const [old] = before;
    const [next] = after;
    const loosened =
      before.length === 1 &&
      after.length === 1 &&
      old?.to === next?.to &&
      next?.guard === undefined;
    changes.push(
      change(
        loosened ? 'compatible' : 'breaking',
        'changed',
        `${event} in ${from} leads ${waysOf(after)} instead of ${waysOf(before)}.`,
      ),
    );
  }
  const [old, next] = [announcedBy(before), announcedBy(after)];
  const lost = old.filter((type) => !next.includes(type));
  const gained = next.filter((type) => !old.includes(type));
  if (lost.length > 0) {
    changes.push(
      change('breaking', 'changed', `${event} in ${from} announces ${lost.join(', ')} no more.`),
    );
  }
  if (gained.length > 0) {
    changes.push(
      change('compatible', 'changed', `${event} in ${from} announces ${gained.join(', ')} too.`),
    );
  }
  return changes;
}

function waysOf(rows: readonly Transition[]): string {
  return rows
    .map(({ to, guard }) => `to ${to}${guard === undefined ? '' : ` if ${guard}`}`)
    .join(', ');
}

// Numbered, so that the second of two equal effects of one row is not taken for the first.
function announcedBy(rows: readonly Transition[]): readonly string[] {
  const several = rows.length > 1;
  return rows.flatMap(({ to, guard, effects }) => {
    const seen = new Map<string, number>();
    return effects.map(({ category, type }) => {
      const times = (seen.get(`${category} ${type}`) ?? 0) + 1;
      seen.set(`${category} ${type}`, times);
      const which = several ? ` to ${to}${guard === undefined ? '' : ` if ${guard}`}` : '';
      return `${category} ${type}${times > 1 ? ` (${times})` : ''}${which}`;
    });
  });
}
