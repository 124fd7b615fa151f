import type { ShadowedTransition } from './lifecycle.js';
import type { StateNode, Transition } from './tree.js';

/**
 * The declared transitions that were not taken though every event was tried in every configuration
 * with every answer of the guards. Pure.
 *
 * @param taken Every transition that was taken somewhere.
 */
export function shadowedTransitions(
  nodes: readonly StateNode[],
  taken: ReadonlySet<Transition>,
): readonly ShadowedTransition[] {
  return nodes.flatMap((node) => {
    const alertOnly = new Set(node.deadlines.map(({ event }) => event));
    return candidatesOf(node)
      .filter(({ event, transition: { forbidden, targets } }) => {
        // A forbidden transition works by not being taken, `after` without a target by its alert.
        return !forbidden && (targets !== undefined || !alertOnly.has(event ?? ''));
      })
      .filter(({ transition }) => !taken.has(transition))
      .map(({ event, transition: { targets = [] } }) =>
        Object.freeze({
          state: node.path,
          ...(event === undefined ? {} : { event }),
          targets: Object.freeze(targets.map(({ path }) => path)),
        }),
      );
  });
}

interface Candidate {
  readonly event: string | undefined;
  readonly transition: Transition;
}

function candidatesOf({ transitions, always }: StateNode): readonly Candidate[] {
  const byEvent = [...transitions].flatMap(([event, list]) =>
    list.map((transition) => ({ event, transition })),
  );
  return [...byEvent, ...always.map((transition) => ({ event: undefined, transition }))];
}
