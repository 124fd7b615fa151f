import type { Refusal } from '../errors/errors.js';
import type { AnyLifecycle, TableRow } from '../lifecycle/lifecycle.js';
import type { TransitionRequest } from './store.js';

type Refusals = readonly [Refusal, ...Refusal[]];

/**
 * The table row that a request takes in this state, or why there is none. Pure. A request with a
 * `deadline` looks among the timeout transitions.
 */
export function lawfulRow(
  lifecycle: AnyLifecycle,
  state: string,
  request: Pick<TransitionRequest, 'uuid' | 'event' | 'payload' | 'deadline'>,
  context: unknown,
): TableRow | Refusals {
  const { table } = lifecycle;
  const rows =
    request.deadline === undefined
      ? table.rows.get(state)?.get(request.event)
      : table.timeouts.get(state)?.get(request.deadline.id);
  const event = { ...request.payload, type: request.event };
  const row = rows?.find(({ guards }) =>
    guards.every((guard) => guard.test(context, event) === guard.expected),
  );
  return row ?? refusals(lifecycle, state, request, rows ?? []);
}

function refusals(
  lifecycle: AnyLifecycle,
  state: string,
  { uuid, event }: Pick<TransitionRequest, 'uuid' | 'event'>,
  rows: readonly TableRow[],
): Refusals {
  const { resource, table } = lifecycle;
  const lawful = [...(table.rows.get(state)?.keys() ?? [])];
  const parameters = { resource, uuid, state, event, lawful };
  const now =
    lawful.length === 0 ? 'No event is' : `Lawful now: ${lawful.join(', ')}. None other is`;
  if (rows.length > 0) {
    const guards = [...new Set(rows.flatMap((row) => row.guards.map((guard) => guard.name)))];
    return [
      {
        code: 'GUARD_REFUSED',
        message: `${resource} ${uuid} in ${state} takes ${event}, but its guards refused: ${guards.join(', ')}.`,
        parameters: { ...parameters, guards },
      },
    ];
  }
  return [
    {
      code: 'EVENT_NOT_LAWFUL',
      message: `${resource} ${uuid} in ${state} does not take ${event}. ${now} lawful.`,
      parameters,
    },
  ];
}
