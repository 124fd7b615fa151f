import {
  deadlineExceeded,
  type AnyLifecycle,
  type Effect,
  type EffectCategory,
} from '../../core/lifecycle/lifecycle.js';
import {
  created,
  removed,
  type StateChange,
} from '../../core/planning/transition-announcements.js';

/** One way in which an event comes to be announced. */
export interface Occasion {
  readonly change: StateChange;
  /** The effect that is announced; absent for the state change itself. */
  readonly effect?: Effect;
  /** Set when a deadline passes that moves nothing, and only its alert is raised. */
  readonly deadline?: { readonly id: string; readonly state: string };
}

interface NamedOccasion extends Occasion {
  readonly category: Announced['category'];
  readonly type: string;
}

/** All occasions of one event. */
export interface Announced {
  readonly category: 'ResourceStateEvent' | EffectCategory;
  readonly type: string;
  readonly occasions: readonly Occasion[];
}

/**
 * Everything that a lifecycle can announce: creation, its events, a passed deadline, removal, then its
 * effects and the alerts of its deadlines. Pure.
 */
export function announcedBy(lifecycle: AnyLifecycle): readonly Announced[] {
  const changes = stateChanges(lifecycle);
  const states = grouped(
    changes.map(({ change }) => ({
      category: 'ResourceStateEvent' as const,
      type: change.event,
      change,
    })),
  );
  const effects = grouped([
    ...changes.flatMap(({ change, effects: announced }) =>
      announced.map((effect) => ({ category: effect.category, type: effect.type, change, effect })),
    ),
    ...lonelyAlerts(lifecycle),
  ]);
  return [...states, ...effects];
}

function stateChanges(lifecycle: AnyLifecycle) {
  const { version, table, events, transitions, states } = lifecycle;
  const change = (event: string, old: string | null, next: string | null): StateChange => ({
    event,
    old,
    new: next,
    lifecycleVersion: version,
    changed: old !== next,
  });
  const taken = [...events, deadlineExceeded].flatMap((event) =>
    transitions
      .filter((transition) => transition.event === event)
      .map(({ from, to, effects }) => ({ change: change(event, from, to), effects })),
  );
  return [
    ...[...table.creations.values()].map(({ state, effects }) => ({
      change: change(created, null, state),
      effects,
    })),
    ...taken,
    ...states.map(({ name }) => ({ change: change(removed, name, null), effects: [] })),
  ];
}

/** A deadline raises its alert also when its guards refuse the move, or when there is none. */
function lonelyAlerts({ version, states, table }: AnyLifecycle): readonly NamedOccasion[] {
  return states.flatMap(({ name, deadlines }) =>
    deadlines
      .filter(({ id }) => {
        const rows = table.timeouts.get(name)?.get(id) ?? [];
        return !rows.some(({ guards }) => guards.length === 0);
      })
      .map(({ id, alert }) => ({
        category: alert.category,
        type: alert.type,
        effect: alert,
        deadline: { id, state: name },
        change: {
          event: deadlineExceeded,
          old: name,
          new: name,
          lifecycleVersion: version,
          changed: false,
        },
      })),
  );
}

function grouped(found: readonly NamedOccasion[]): readonly Announced[] {
  const groups = new Map<
    string,
    { category: Announced['category']; type: string; occasions: Occasion[] }
  >();
  for (const { category, type, change, effect, deadline } of found) {
    const key = `${category}\n${type}`;
    const group = groups.get(key) ?? { category, type, occasions: [] };
    group.occasions.push({
      change,
      ...(effect === undefined ? {} : { effect }),
      ...(deadline === undefined ? {} : { deadline }),
    });
    groups.set(key, group);
  }
  return [...groups.values()];
}
