import type { ChartNode } from './lifecycle.js';

/**
 * Returns the innermost state that forbids an event by a transition without target and effects, although a
 * state around it may take the event. Pure. Undefined where none forbids it.
 */
export function forbiddenBy(chart: ChartNode, state: string, event: string): string | undefined {
  const active = activeNodes(chart, valueOf(state));
  return active.findLast(({ transitions }) =>
    transitions.some(
      ({ trigger, forbidden }) =>
        forbidden && trigger.kind === 'event' && takes(trigger.event, event),
    ),
  )?.path;
}

/** Whether a wildcard takes events anywhere in the machine. Pure. */
export function hasWildcard({ transitions, children }: ChartNode): boolean {
  return (
    transitions.some(({ trigger }) => trigger.kind === 'event' && trigger.event.endsWith('*')) ||
    children.some(hasWildcard)
  );
}

function takes(descriptor: string, event: string): boolean {
  if (descriptor === '*' || descriptor === event) return true;
  return (
    descriptor.endsWith('.*') &&
    (event === descriptor.slice(0, -2) || event.startsWith(descriptor.slice(0, -1)))
  );
}

/** The active states, those around others first. */
function activeNodes(node: ChartNode, value: unknown): readonly ChartNode[] {
  const inner = Object(value) as Readonly<Record<string, unknown>>;
  return [
    node,
    ...node.children
      .filter(({ name }) => value === name || Object.hasOwn(inner, name))
      .flatMap((child) => activeNodes(child, inner[child.name])),
  ];
}

/** A state as XState writes its value: JSON as it is, a dotted path nested. */
function valueOf(state: string): unknown {
  if (state.startsWith('{')) return JSON.parse(state) as unknown;
  const dot = state.indexOf('.');
  return dot < 0 ? state : { [state.slice(0, dot)]: valueOf(state.slice(dot + 1)) };
}
