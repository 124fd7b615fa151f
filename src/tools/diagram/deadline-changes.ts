import type { LifecycleDescription } from '../../core/lifecycle/describe-lifecycle.js';
import { durationText } from '../../core/lifecycle/duration-text.js';
import { effectText } from './effect-text.js';
import { groupBy } from './group-by.js';
import type { LifecycleChange } from './lifecycle-change.js';

type Deadline = LifecycleDescription['deadlines'][number];

/**
 * Names deadlines by their state and their place among its deadlines, so that one whose delay changed
 * is still the same one. Pure.
 */
export function deadlineNames({ deadlines }: LifecycleDescription): (id: string) => string {
  const names = new Map<string, string>();
  for (const [state, list] of groupBy(deadlines, (one) => one.state)) {
    list
      .toSorted((a, b) => a.after - b.after)
      .forEach(({ id }, index) => names.set(id, `${state}#${index + 1}`));
  }
  return (id) => names.get(id) ?? id;
}

/** Lists the changes of the deadlines that states declare. Pure. */
export function deadlineChanges(
  from: LifecycleDescription,
  to: LifecycleDescription,
): readonly LifecycleChange[] {
  const [before, after] = [from, to].map(({ deadlines }) =>
    groupBy(deadlines, ({ state }) => state),
  );
  const states = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])]);
  return [...states].flatMap((state) =>
    ofState(state === '' ? to.resource : state, before?.get(state) ?? [], after?.get(state) ?? []),
  );
}

function ofState(
  name: string,
  before: readonly Deadline[],
  after: readonly Deadline[],
): readonly LifecycleChange[] {
  const kept = before.flatMap((old) => {
    const next = after.find(({ id }) => id === old.id);
    return next === undefined ? [] : alertChanges(name, old, next);
  });
  const gone = before.filter(({ id }) => !after.some((one) => one.id === id));
  const come = after.filter(({ id }) => !before.some((one) => one.id === id));
  const changed = gone.slice(0, come.length).flatMap((old, index) => {
    const next = come[index] as Deadline;
    return [delayChange(name, old, next), ...alertChanges(name, old, next)];
  });
  const removed = gone.slice(come.length).map((old): LifecycleChange => ({
    class: 'compatible',
    part: 'deadline',
    change: 'removed',
    name,
    message: `${name} has no deadline of ${durationText(old.after)} any more.`,
  }));
  const added = come.slice(gone.length).map((next): LifecycleChange => ({
    class: 'migration',
    part: 'deadline',
    change: 'added',
    name,
    message: `${name} has a deadline of ${durationText(next.after)}.`,
  }));
  return [...kept, ...changed, ...removed, ...added];
}

function delayChange(name: string, before: Deadline, after: Deadline): LifecycleChange {
  return {
    class: 'migration',
    part: 'deadline',
    change: 'changed',
    name,
    message: `The deadline of ${name} is ${durationText(after.after)} instead of ${durationText(before.after)}.`,
  };
}

function alertChanges(name: string, before: Deadline, after: Deadline): readonly LifecycleChange[] {
  const [old, next] = [effectText(before.alert), effectText(after.alert)];
  if (old === next) return [];
  return [
    {
      class: 'breaking',
      part: 'deadline',
      change: 'changed',
      name,
      message: `The deadline of ${name} announces ${next} instead of ${old}.`,
    },
  ];
}
