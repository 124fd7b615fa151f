import { ConfigurationError } from '../../core/errors/errors.js';
import { nearestName } from '../../core/errors/nearest-name.js';
import type { SignalboxEvent } from '../../core/events/event.js';
import { parseSubject } from '../../core/events/create-event.js';
import type { AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import { changeRecord } from './change-record.js';
import { FaultList } from './fault-list.js';
import { LifecycleCheck } from './lifecycle-check.js';
import type { TraceOptions } from './trace-options.js';
import type { TraceReport } from './trace-report.js';

/** A check under way. */
export interface TraceCheck {
  /**
   * Checks one event. Never throws. Events of one resource must come in the order of their revisions,
   * as the journal and every bus give them; events of different resources in any order.
   *
   * @param place Where it stands, to find it again: `line 17`. Default `event <n>`.
   */
  add(event: SignalboxEvent, place?: string): void;
  /** Returns the report so far. Safe to call more than once, and to go on after. */
  report(): TraceReport;
}

/**
 * Starts a check of recorded events against lifecycles: the versions that recorded them, or the next
 * ones before they are deployed. Pure, in one pass, and in memory that depends on the live resources
 * only: 1.2 kB for each, forgotten when it is removed or in a final state.
 *
 * Throws ConfigurationError ARGUMENT_INVALID for two lifecycles of one resource type, for a state in
 * `maxDwell` that no lifecycle has, and for a number below 0.
 *
 * @example
 * ```ts
 * const check = traceCheck([virtualMachine, volume]);
 * for await (const { event } of recorded) check.add(event);
 * const { lawful, listed } = check.report();
 * ```
 */
export function traceCheck(
  lifecycles: readonly AnyLifecycle[],
  options: TraceOptions = {},
): TraceCheck {
  const settings = {
    tolerance: amount('tolerance', options.tolerance ?? 60_000),
    exactVersion: options.exactVersion ?? false,
    complete: options.complete ?? false,
    ignoreOthers: options.ignoreOthers ?? false,
    maxFaults: amount('maxFaults', options.maxFaults ?? 100),
  };
  const faults = new FaultList(settings.maxFaults);
  const bounds = dwellBounds(lifecycles, options.maxDwell ?? {});
  const checks = new Map<string, LifecycleCheck>();
  for (const lifecycle of lifecycles) {
    const { resource } = lifecycle;
    if (checks.has(resource)) throw invalid(`There are two lifecycles of ${resource}. Give one.`);
    checks.set(
      resource,
      new LifecycleCheck(lifecycle, settings, bounds.get(resource) ?? new Map(), faults),
    );
  }
  let events = 0;
  let redeliveries = 0;
  let ignored = 0;
  let from = Number.POSITIVE_INFINITY;
  let to = Number.NEGATIVE_INFINITY;

  return {
    add(event, place = `event ${events + 1}`) {
      events += 1;
      const at = Date.parse(event.time);
      if (at < from) from = at;
      if (at > to) to = at;
      if (event.category !== 'ResourceStateEvent') return;
      const change = changeRecord(event, place);
      if (typeof change === 'string') {
        const { id, time, subject, type } = event;
        const message = `${type} of ${subject ?? 'no resource'}: ${change}.`;
        faults.add({
          code: 'EVENT_INCONSISTENT',
          message,
          place,
          id,
          time,
          ...parseSubject(subject),
        });
        return;
      }
      const { resource, uuid, revision, id, time } = change;
      const check = checks.get(resource);
      if (check !== undefined) {
        if (!check.add(change)) redeliveries += 1;
      } else if (settings.ignoreOthers) {
        ignored += 1;
      } else {
        const message = `${resource} ${uuid}: no lifecycle of ${resource} was given.`;
        const code = 'UNKNOWN_RESOURCE_TYPE';
        faults.add({ code, message, place, resource, uuid, revision, id, time });
      }
    },

    report() {
      const span = from <= to;
      if (span) for (const check of checks.values()) check.checkLive(to);
      return {
        lawful: faults.total === 0,
        events,
        redeliveries,
        ignored,
        from: span ? new Date(from).toISOString() : null,
        to: span ? new Date(to).toISOString() : null,
        faults: faults.total,
        faultCounts: faults.counts,
        listed: faults.kept,
        lifecycles: [...checks.values()].map(({ report }) => report),
      };
    },
  };
}

/** resource -> state -> milliseconds. */
function dwellBounds(
  lifecycles: readonly AnyLifecycle[],
  maxDwell: Readonly<Record<string, number>>,
): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const places = lifecycles.flatMap(({ resource, states }) =>
    states.map(({ name }) => ({ resource, name, full: `${resource}.${name}` })),
  );
  const bounds = new Map<string, Map<string, number>>();
  for (const [key, bound] of Object.entries(maxDwell)) {
    const matching = places.filter(({ name, full }) => key === full || key === name);
    if (matching.length === 0) {
      const near = nearestName(
        key,
        places.flatMap(({ name, full }) => [name, full]),
      );
      throw invalid(
        `No given lifecycle has the state '${key}'.${near === undefined ? '' : ` Did you mean '${near}'?`}`,
      );
    }
    amount(`maxDwell of ${key}`, bound);
    for (const { resource, name } of matching) {
      const states = bounds.get(resource) ?? new Map<string, number>();
      bounds.set(resource, states.set(name, bound));
    }
  }
  return bounds;
}

function amount(name: string, value: number): number {
  if (Number.isFinite(value) && value >= 0) return value;
  throw invalid(`${name} is ${value}; it must be 0 or more.`);
}

function invalid(message: string): ConfigurationError {
  return new ConfigurationError('ARGUMENT_INVALID', message);
}
