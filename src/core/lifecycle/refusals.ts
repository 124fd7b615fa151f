import { withArticle, withCapitalArticle } from './with-article.js';
import { nearestName } from '../errors/nearest-name.js';
import type { Refusal } from '../errors/errors.js';
import { forbiddenBy, hasWildcard } from './forbidding.js';
import { guardNames } from './guards.js';
import { lawfulEvents } from './lawful-events.js';
import { deadlineExceeded, type AnyLifecycle } from './lifecycle.js';
import type { EventInput, Position } from './position.js';
import { stateText } from './regions.js';

/** Why nothing happens. */
export interface Refused {
  readonly lawful: false;
  readonly refusals: readonly [Refusal, ...Refusal[]];
}

/**
 * Why no row of the table takes an event here. Pure.
 *
 * @param lawfulHere The events that are lawful here. Given, the state may be that of a region.
 */
export function refuseEvent(
  lifecycle: AnyLifecycle,
  position: Position,
  event: EventInput,
  lawfulHere?: readonly string[],
): Refused {
  const { resource, table } = lifecycle;
  const { state } = position;
  const type = typeof event === 'string' ? event : event.type;
  if (lawfulHere === undefined && !table.armed.has(state)) return refuseState(lifecycle, state);
  if (!table.events.has(type) && type !== deadlineExceeded)
    return refuseName(lifecycle, state, type);
  const lawful = lawfulHere ?? lawfulEvents(lifecycle, position);
  const parameters = { resource, state, event: type, lawful };
  const rows = table.rows.get(state)?.get(type);
  if (rows !== undefined) {
    const guards = guardNames(rows);
    return refused({
      code: 'GUARD_REFUSED',
      message: `${resource} in ${stateText(state)} takes ${type}, but its guards refused: ${guards.join(', ')}. ${tellLawful(lawful)}`,
      parameters: { ...parameters, guards },
    });
  }
  const forbidding = forbiddenBy(lifecycle.chart, state, type);
  const reason =
    type === deadlineExceeded
      ? `${resource} takes ${type} from the clock only.`
      : `${resource} in ${stateText(state)} does not take ${type}${forbidding === undefined ? '' : `: ${forbidding} forbids it, by a transition without a target`}.`;
  return refused({
    code: 'EVENT_NOT_LAWFUL',
    message: `${reason} ${tellLawful(lawful)}`,
    parameters,
  });
}

/** Why a deadline does nothing here. Pure. */
export function refuseDeadline(lifecycle: AnyLifecycle, state: string, deadline: string): Refused {
  const { resource, table } = lifecycle;
  if (!table.armed.has(state)) return refuseState(lifecycle, state);
  return refused({
    code: 'DEADLINE_STALE',
    message: `The deadline ${deadline} does not run for ${withArticle(resource)} in ${stateText(state)}.`,
    parameters: { resource, state, deadline },
  });
}

/** Why nothing is created here. Pure. */
export function refuseCreation({ resource, initialStates }: AnyLifecycle, state: string): Refused {
  return refused({
    code: 'UNKNOWN_INITIAL_STATE',
    message: `${withCapitalArticle(resource)} cannot be created in ${stateText(state)}. It can be created in ${initialStates.join(', ')}.`,
    parameters: { resource, state, initialStates },
  });
}

function refuseState({ resource, version, states, regions }: AnyLifecycle, state: string): Refused {
  // Combinations of regions would be a page; their own states say the same.
  const names = [...new Set(regions.flatMap((region) => region.states.map(({ name }) => name)))];
  const near = nearestName(state, [...names, ...states.map(({ name }) => name)]);
  return refused({
    code: 'UNKNOWN_STATE',
    message: `Version ${version} of ${resource} has no state '${state}'.${suggest(near)} Its states are ${names.join(', ')}.`,
    parameters: { resource, version, state, ...(near === undefined ? {} : { near }) },
  });
}

function refuseName(
  { resource, events, chart }: AnyLifecycle,
  state: string,
  event: string,
): Refused {
  const near = nearestName(event, events);
  return refused({
    code: 'UNKNOWN_EVENT',
    message:
      `${resource} declares no event '${event}'.${suggest(near)} Its events are ${events.join(', ')}.` +
      (near === undefined && hasWildcard(chart)
        ? ` A wildcard takes only events that are named: for it to take '${event}', name that in the \`events\` of defineLifecycle().`
        : ''),
    parameters: { resource, state, event, events, ...(near === undefined ? {} : { near }) },
  });
}

function suggest(near: string | undefined): string {
  return near === undefined ? '' : ` Did you mean '${near}'?`;
}

function tellLawful(lawful: readonly string[]): string {
  return lawful.length === 0 ? 'No event is lawful here.' : `Lawful now: ${lawful.join(', ')}.`;
}

function refused(refusal: Refusal): Refused {
  return { lawful: false, refusals: [refusal] };
}
