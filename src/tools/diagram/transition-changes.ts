import type { LifecycleDescription } from '../../core/lifecycle/describe-lifecycle.js';
import { triggerOf } from '../../core/lifecycle/lifecycle.js';
import { deadlineNames } from './deadline-changes.js';
import { effectText } from './effect-text.js';
import { groupBy } from './group-by.js';
import type { ChangeClass, LifecycleChange } from './lifecycle-change.js';

type Transition = LifecycleDescription['transitions'][number];
type Namer = (deadline: string) => string;

/** Lists the changes of what a creation announces and of the deadlines that it starts. Pure. */
export function creationChanges(
  from: LifecycleDescription,
  to: LifecycleDescription,
): readonly LifecycleChange[] {
  const names = [deadlineNames(from), deadlineNames(to)] as const;
  return to.creations.flatMap(({ state, effects, arms }) => {
    const before = from.creations.find((creation) => creation.state === state);
    if (before === undefined) return [];
    const rows = (each: Pick<Transition, 'effects' | 'arms'>): readonly [Transition] => [
      { ...each, from: '', event: 'Created', to: state },
    ];
    return rowsChange(
      { from: state, event: 'Created', to: state, effects: [] },
      rows(before),
      rows({ effects, arms }),
      names,
    ).map((change) => ({ ...change, part: 'creation' as const }));
  });
}

/** Lists the changes of the transitions. Pure. */
export function transitionChanges(
  from: LifecycleDescription,
  to: LifecycleDescription,
): readonly LifecycleChange[] {
  const [before, after] = [rowsOf(from), rowsOf(to)];
  const timers = [deadlineNames(from), deadlineNames(to)] as const;
  const remaining = new Set(to.states.map(({ name }) => name));
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [old = [], next = []] = [before.get(key), after.get(key)];
    const [first] = [...old, ...next];
    // What left a state that is gone is told by the state.
    if (first === undefined || !remaining.has(first.from)) return [];
    return rowsChange(first, old, next, timers);
  });
}

function rowsOf(description: LifecycleDescription): ReadonlyMap<string, readonly Transition[]> {
  const name = deadlineNames(description);
  return groupBy(
    description.transitions,
    ({ from, event, deadline }) =>
      `${from}\n${event}\n${deadline === undefined ? '' : name(deadline)}`,
  );
}

function rowsChange(
  transition: Transition,
  before: readonly Transition[],
  after: readonly Transition[],
  [oldName, newName]: readonly [Namer, Namer],
): readonly LifecycleChange[] {
  const { from } = transition;
  const event = triggerOf(transition);
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
  const [kept, keeps] = [memoryOf(before), memoryOf(after)];
  if (kept !== keeps && waysOf(before) === waysOf(after)) {
    changes.push(
      change('migration', 'changed', `${event} in ${from} remembers ${keeps} instead of ${kept}.`),
    );
  }
  const [ran, runs] = [timersOf(before, oldName), timersOf(after, newName)];
  if (ran !== runs && waysOf(before) === waysOf(after)) {
    changes.push(change('migration', 'changed', `${event} in ${from} ${runs} instead of: ${ran}.`));
  }
  return changes;
}

/** Returns the effects of transitions on deadlines. */
function timersOf(rows: readonly Transition[], name: Namer): string {
  const texts = rows.map(({ arms = [], cancels = [] }) => {
    const sorted = (ids: readonly string[]): string => ids.map(name).toSorted().join(', ');
    return [
      ...(cancels.length === 0 ? [] : [`ends the deadline ${sorted(cancels)}`]),
      ...(arms.length === 0 ? [] : [`begins the deadline ${sorted(arms)}`]),
    ].join(' and ');
  });
  return texts.every((text) => text === '') ? 'leaves the deadlines as they are' : texts.join('; ');
}

/** Returns the states that history states return to after the transitions. */
function memoryOf(rows: readonly Transition[]): string {
  const states = rows.flatMap(({ remembers = {} }) => Object.values(remembers));
  return states.length === 0 ? 'nothing' : [...new Set(states)].join(', ');
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
    return effects.map((effect) => {
      const text = effectText(effect);
      const times = (seen.get(text) ?? 0) + 1;
      seen.set(text, times);
      const which = several ? ` to ${to}${guard === undefined ? '' : ` if ${guard}`}` : '';
      return `${text}${times > 1 ? ` (${times})` : ''}${which}`;
    });
  });
}
