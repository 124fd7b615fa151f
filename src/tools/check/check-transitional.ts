import { deadlineExceeded } from '../../core/lifecycle/lifecycle.js';
import type { CheckedLifecycle, CheckedState } from './declaration.js';
import type { Findings } from './finding.js';
import { isEnd, type StateGraph } from './state-graph.js';

/**
 * Finds transitional states in which work that fails, or a worker that is lost, gets stuck.
 *
 * @param failureEvents Events that report a failure. Default: those whose name says so (Fail, Error,
 *   Timeout, Abort, Cancel, Reject).
 */
export function checkTransitional(
  lifecycle: CheckedLifecycle,
  graph: StateGraph,
  findings: Findings,
  failureEvents?: readonly string[],
): void {
  const failures = new Set(failureEvents ?? lifecycle.events.filter(reportsFailure));
  const states = lifecycle.states.filter(({ kind }) => kind === 'transitional');
  const taken = new Map(states.map(({ name }) => [name, new Set<string>()]));
  const leaving = new Map(states.map(({ name }) => [name, new Set<string>()]));
  for (const { from, event, to, declared } of lifecycle.transitions) {
    // The work of another region ends nothing here, unless its failure ends both.
    if (declared === 'beside' && failureEvents?.includes(event) !== true) continue;
    taken.get(from)?.add(event);
    if (from !== to) leaving.get(from)?.add(event);
  }
  const common = commonFailure(states, taken, failures);
  lifecycle.states.forEach(({ name, kind, deadline }, index) => {
    if (kind !== 'transitional') return;
    const exits = leaving.get(name) ?? new Set();
    // A dead end has no exit of any kind, and is told as such.
    if (!isEnd(graph, index) && !hasFailureExit(exits, failures, failureEvents !== undefined)) {
      const [only, ...others] = exits;
      findings.add(
        'NO_FAILURE_EXIT',
        { state: name },
        others.length === 0
          ? `${only ?? 'No event'} is the single way out of ${name}.`
          : `No failure leads out of ${name}: only ${[...exits].join(', ')} do.`,
      );
    }
    if (deadline === null) {
      findings.add('NO_DEADLINE', { state: name }, `${name} may last for ever.`);
    }
    if (common !== undefined && taken.get(name)?.has(common) !== true) {
      findings.add(
        'FAILURE_EVENT_NOT_TAKEN',
        { state: name, event: common },
        `${name} does not take ${common}, which ${takers(taken, common)} of the ${states.length} transitional states take.`,
      );
    }
  });
}

function hasFailureExit(
  exits: ReadonlySet<string>,
  failures: ReadonlySet<string>,
  named: boolean,
): boolean {
  if (exits.has(deadlineExceeded) || [...exits].some((event) => failures.has(event))) return true;
  // Where nobody said which events are failures, two ways out are one for each outcome.
  return !named && exits.size >= 2;
}

/** The failure event that most transitional states take: what a worker knows to report by itself. */
function commonFailure(
  states: readonly CheckedState[],
  taken: ReadonlyMap<string, ReadonlySet<string>>,
  failures: ReadonlySet<string>,
): string | undefined {
  const [most] = [...failures].toSorted((a, b) => takers(taken, b) - takers(taken, a));
  if (most === undefined || states.length < 3) return undefined;
  return takers(taken, most) * 2 > states.length ? most : undefined;
}

function takers(taken: ReadonlyMap<string, ReadonlySet<string>>, event: string): number {
  return [...taken.values()].filter((events) => events.has(event)).length;
}

function reportsFailure(event: string): boolean {
  return /fail|error|timeout|abort|cancel|reject/i.test(event);
}
