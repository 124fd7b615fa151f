import type { Effect } from '../../core/lifecycle/lifecycle.js';
import { Exploration, type Found, type Watcher } from './exploration.js';
import type { FindingCode } from './finding-codes.js';
import type { Findings, Place } from './finding.js';
import type { Meter } from './meter.js';
import { isEnd, type Edge, type StateGraph } from './state-graph.js';

const closed = 0;
const open = 1;

/**
 * Finds where starts and stops of a meter do not alternate, on any path: states and meter are explored
 * together. Each transition is told once with each fault, by the shortest path that shows it; the path
 * then goes on as if the fault were mended, so that one cause is one finding.
 */
export function checkMeter(meter: Meter, graph: StateGraph, findings: Findings): void {
  const watcher = new MeterWatcher(meter, graph, findings);
  const paths = new Exploration(graph, watcher);
  // Left open in a cycle that has no end: nothing further on would tell.
  const canClose = paths.leadingTo(
    [...paths.nodes].filter((node) => paths.modeOf(node) === closed),
  );
  const stuck = [...paths.nodes].find((node) => !canClose.has(node));
  if (stuck === undefined) return;
  const state = graph.states[paths.stateOf(stuck)]?.name ?? '';
  findings.add(
    'METER_LEFT_OPEN',
    { state, meter: meter.name },
    `From ${state} on nothing can stop the meter ${meter.name} any more.`,
    { trace: paths.traceTo(stuck) },
  );
}

class MeterWatcher implements Watcher {
  readonly modes = 2;
  readonly #meter: Meter;
  readonly #graph: StateGraph;
  readonly #findings: Findings;
  readonly #openIn: ReadonlySet<string>;
  readonly #closedIn: ReadonlySet<string>;
  readonly #told = new Set<string>();

  constructor(meter: Meter, graph: StateGraph, findings: Findings) {
    this.#meter = meter;
    this.#graph = graph;
    this.#findings = findings;
    this.#openIn = new Set(meter.openIn ?? []);
    this.#closedIn = new Set(meter.closedIn ?? []);
  }

  created({ to, effects }: { to: number; effects: readonly Effect[] }, found: Found): number {
    const state = this.#graph.states[to]?.name ?? '';
    const start = this.#meter.openAtCreation === true ? open : closed;
    const place = { state };
    return this.#arrive(to, this.#count(start, effects, place, found), place, found);
  }

  moved(mode: number, { to, transition }: Edge, found: Found): number {
    const place = { state: transition.from, event: transition.event, to: transition.to };
    const after = this.#count(mode, transition.effects ?? [], place, found);
    return this.#arrive(to, after, place, found);
  }

  #count(mode: number, effects: readonly Effect[], place: Omit<Place, 'resource'>, found: Found) {
    const { name, starts, stops } = this.#meter;
    let now = mode;
    for (const { category, type } of effects) {
      if (category !== 'UsageEvent') continue;
      if (starts.includes(type)) {
        if (now === open) {
          this.#tell(
            'METER_STARTED_TWICE',
            place,
            `${type} starts the meter ${name}, which runs already.`,
            found,
          );
        }
        now = open;
      } else if (stops.includes(type)) {
        if (now === closed) {
          this.#tell(
            'METER_STOPPED_TWICE',
            place,
            `${type} stops the meter ${name}, which does not run.`,
            found,
          );
        }
        now = closed;
      }
    }
    return now;
  }

  #arrive(to: number, mode: number, place: Omit<Place, 'resource'>, found: Found): number {
    const { name: state = '', parts = [] } = this.#graph.states[to] ?? {};
    const { name, starts, stops } = this.#meter;
    const isNamed = (names: ReadonlySet<string>): boolean =>
      names.has(state) || parts.some((part) => names.has(part));
    const mustClose = isNamed(this.#closedIn) || isEnd(this.#graph, to);
    if (mode === open && mustClose && !isNamed(this.#openIn)) {
      this.#tell(
        'METER_LEFT_OPEN',
        place,
        `The meter ${name} still runs in ${state}: ${stops.join(' or ')} is missing.`,
        found,
      );
      return closed;
    }
    if (mode === closed && isNamed(this.#openIn)) {
      this.#tell(
        'METER_NOT_OPEN',
        place,
        `The meter ${name} does not run in ${state}: ${starts.join(' or ')} is missing.`,
        found,
      );
      return open;
    }
    return mode;
  }

  #tell(code: FindingCode, place: Omit<Place, 'resource'>, message: string, found: Found): void {
    const key = JSON.stringify([code, place]);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#findings.add(code, { ...place, meter: this.#meter.name }, message, {
      trace: found.trace(),
    });
  }
}
