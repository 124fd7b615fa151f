import type { Faults } from './faults.js';
import { deadlineExceeded, type Region } from './lifecycle.js';

/** The tag of a state in which work is going on. */
export const transitional = 'transitional';

/** The part of a lifecycle that the rules read. */
interface RuledLifecycle {
  readonly regions: readonly Region[];
  /** Events that report a failure; undefined when the declaration does not say. */
  readonly failureEvents: readonly string[] | undefined;
}

/**
 * Checks that nothing gets stuck in a transitional state, in each region by itself. Each must have
 *
 * - a **deadline**, its own or that of a state around it, so that a lost worker is noticed;
 * - a **failure exit**: a transition to another state, taken by one of `failureEvents` where the
 *   declaration names them, or by a deadline; where it names none, transitions to other states by at
 *   least two different events, one for each outcome of the work.
 */
export function checkRules({ regions, failureEvents }: RuledLifecycle, faults: Faults): void {
  for (const region of regions) checkRegion(region, failureEvents, faults);
}

function checkRegion(
  { states, transitions }: Region,
  failureEvents: readonly string[] | undefined,
  faults: Faults,
): void {
  const exits = new Map<string, Set<string>>();
  for (const { from, event, to, declared } of transitions) {
    if (from === to) continue;
    // The work of another region ends nothing here, unless its failure ends both.
    if (declared === 'beside' && failureEvents?.includes(event) !== true) continue;
    const events = exits.get(from);
    if (events === undefined) exits.set(from, new Set([event]));
    else events.add(event);
  }
  for (const { name, tags, final, deadline } of states) {
    if (final || !tags.includes(transitional)) continue;
    if (!hasFailureExit(exits.get(name) ?? new Set(), failureEvents)) {
      faults.add('FAULT_TRANSITIONAL_NO_FAILURE_EXIT', missingExit(name, failureEvents), {
        state: name,
      });
    }
    if (deadline === null) {
      faults.add(
        'FAULT_TRANSITIONAL_NO_DEADLINE',
        `The transitional state ${name} has no deadline: a lost worker would go unnoticed. Add after: { <milliseconds>: … }.`,
        { state: name },
      );
    }
  }
}

function hasFailureExit(
  exits: ReadonlySet<string>,
  failureEvents: readonly string[] | undefined,
): boolean {
  if (failureEvents === undefined) return exits.size >= 2;
  return exits.has(deadlineExceeded) || failureEvents.some((event) => exits.has(event));
}

function missingExit(state: string, failureEvents: readonly string[] | undefined): string {
  const wanted =
    failureEvents === undefined
      ? 'Transitions by at least two events, one for each outcome, must lead to another state.'
      : `A deadline or one of ${failureEvents.join(', ')} must lead to another state.`;
  return `The transitional state ${state} has no exit for failure. ${wanted}`;
}
