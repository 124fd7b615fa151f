/**
 * The place of a deadline: its id without the delay, as `Creating/` of `Creating/60000`. All deadlines of
 * one state node have it, of whatever version of the lifecycle, and no id ends as it does. Pure.
 */
export function placeOf(deadline: string): string {
  return deadline.slice(0, deadline.lastIndexOf('/') + 1);
}

/** Parses a deadline's id: the path of the state node, and the delay in milliseconds. Pure. */
export function readDeadlineId(deadline: string): {
  readonly node: string;
  readonly after: number;
} {
  const place = placeOf(deadline);
  return { node: place.slice(0, -1), after: Number(deadline.slice(place.length)) };
}

/** Whether a cancellation, an id or a place, is meant for this deadline. Pure. */
export function cancels(cancelled: string, deadline: string): boolean {
  return cancelled === deadline || cancelled === placeOf(deadline);
}

/**
 * Whether a state node is active in a state, also of another version of the lifecycle: by their names
 * alone. Pure.
 *
 * @param node The dotted path; empty for the machine itself, which always is.
 * @param state As in the state column: a dotted path, or JSON where regions are parallel.
 */
export function isActive(node: string, state: string): boolean {
  if (node === '') return true;
  const leaves = state.startsWith('{') ? leavesOf(JSON.parse(state)) : [state];
  return leaves.some((leaf) => leaf === node || leaf.startsWith(`${node}.`));
}

/** The dotted paths of a state value as XState writes it. */
function leavesOf(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) {
    return [path === '' ? String(value) : `${path}.${String(value)}`];
  }
  const children = Object.entries(value);
  if (children.length === 0) return [path];
  return children.flatMap(([key, child]) => leavesOf(child, path === '' ? key : `${path}.${key}`));
}
