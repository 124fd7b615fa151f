import type { AnyLifecycle, Region } from '../../core/lifecycle/lifecycle.js';
import {
  completeDeclaration,
  isLifecycle,
  kindOf,
  reportsSuccess,
  type CheckedLifecycle,
  type LifecycleDeclaration,
} from './declaration.js';

/** A region as a lifecycle of its own: what is looked for in each region by itself looks at this. */
export interface RegionView extends CheckedLifecycle {
  /** The dotted path of the region; empty for the whole machine. */
  readonly path: string;
  /** The states of the region itself. The others are those around it that it leads to: ends, here. */
  readonly own: ReadonlySet<string>;
  /** It lies inside a state of another region. */
  readonly isInner: boolean;
  /** As compiled; undefined for a plain declaration. */
  readonly region: Region | undefined;
}

/** The regions of a lifecycle, each as a lifecycle of its own; a flat one is its only region. Pure. */
export function regionViews(
  declaration: AnyLifecycle | LifecycleDeclaration,
): readonly RegionView[] {
  const whole = completeDeclaration(declaration);
  const regions = isLifecycle(declaration) ? declaration.regions : [];
  const [only, ...others] = regions;
  // Its own data, which say more than what is seen of one region.
  if (others.length === 0 && (only === undefined || only.path === '')) {
    return [{ ...whole, path: '', own: namesOf(whole.states), isInner: false, region: only }];
  }
  return regions.map((region) => ({
    ...viewOf(region, whole),
    isInner: regions.some(({ states }) =>
      states.some(({ name }) => region.path.startsWith(`${name}.`)),
    ),
  }));
}

function viewOf(region: Region, whole: CheckedLifecycle): Omit<RegionView, 'isInner'> {
  const { path, states, entries, transitions } = region;
  const own = namesOf(states);
  const leftBySuccess = new Set(
    transitions
      .filter(({ from, event, to }) => from !== to && reportsSuccess(event))
      .map(({ from }) => from),
  );
  const outside = new Set(transitions.map(({ to }) => to).filter((to) => !own.has(to)));
  return {
    ...whole,
    path,
    own,
    region,
    creations: entries.map(({ state, effects }) => ({ state, effects })),
    states: [
      ...states.map((state) => ({
        name: state.name,
        tags: state.tags,
        kind: kindOf(state, leftBySuccess.has(state.name)),
        deadline: state.deadline,
        parts: [state.name],
      })),
      ...[...outside].map((name) => ({
        name,
        tags: [],
        kind: 'final' as const,
        deadline: null,
        parts: [name],
      })),
    ],
    events: [...new Set(transitions.map(({ event }) => event))],
    transitions,
    shadowed: [],
  };
}

function namesOf(states: readonly { readonly name: string }[]): ReadonlySet<string> {
  return new Set(states.map(({ name }) => name));
}
