import { durationText } from '../../core/lifecycle/duration-text.js';
import { deadlineExceeded, type AnyLifecycle } from '../../core/lifecycle/lifecycle.js';
import type { ChangeRecord } from './change-record.js';
import { DwellStatistics } from './dwell-statistics.js';
import type { FaultList } from './fault-list.js';
import { History } from './history.js';
import { judge, type Verdict } from './lawfulness.js';
import { rememberedAfter } from '../../core/lifecycle/remembered.js';
import { roundedDuration } from './rounded-duration.js';
import type { TraceOptions } from './trace-options.js';
import type { TraceFaultCode } from './trace-fault.js';
import type { LifecycleTrace } from './trace-report.js';
import { TransitionCoverage } from './transition-coverage.js';

/** How many removed and final resources are still known, to tell what comes after their end. */
const rememberedEnds = 1000;

/** Checks the recorded changes of one lifecycle's resources. */
export class LifecycleCheck {
  readonly #lifecycle: AnyLifecycle;
  readonly #options: Required<Omit<TraceOptions, 'maxDwell'>>;
  readonly #bounds: ReadonlyMap<string, number>;
  readonly #faults: FaultList;
  readonly #finals: ReadonlySet<string>;
  readonly #coverage: TransitionCoverage;
  readonly #dwell: DwellStatistics;
  readonly #live = new Map<string, History>();
  /** The latest that have ended, the oldest first. */
  readonly #ended = new Map<string, History>();
  readonly #versions = new Map<number, number>();
  #creations = 0;
  #removals = 0;
  #joined = 0;

  /** @param bounds The longest stay in a state, in milliseconds, besides its deadlines. */
  constructor(
    lifecycle: AnyLifecycle,
    options: Required<Omit<TraceOptions, 'maxDwell'>>,
    bounds: ReadonlyMap<string, number>,
    faults: FaultList,
  ) {
    this.#lifecycle = lifecycle;
    this.#options = options;
    this.#bounds = bounds;
    this.#faults = faults;
    this.#finals = new Set(lifecycle.states.filter(({ final }) => final).map(({ name }) => name));
    this.#coverage = new TransitionCoverage(lifecycle);
    this.#dwell = new DwellStatistics(lifecycle.states.map(({ name }) => name));
  }

  /** Checks one change. False when it is a redelivery, of which nothing more is said. */
  add(change: ChangeRecord): boolean {
    const history = this.#live.get(change.uuid) ?? this.#ended.get(change.uuid);
    if (history?.remembers(change.id) === true) return false;
    this.#checkVersion(change);
    const verdict = judge(this.#lifecycle, change, memoryAt(history, change));
    if (!verdict.lawful) this.#fault(change, verdict.code, `${verdict.because}.`);
    this.#count(change);
    if (history === undefined) this.#meet(change, verdict);
    else this.#follow(history, change, verdict);
    return true;
  }

  /** Tells which live resources are in their state for too long at `time`. Each is told once. */
  checkLive(time: number): void {
    for (const [uuid, history] of this.#live) {
      this.#checkDwell(history, time, {
        resource: this.#lifecycle.resource,
        uuid,
        revision: history.revision,
        place: 'end',
      });
    }
  }

  get report(): LifecycleTrace {
    const { resource, version } = this.#lifecycle;
    const transitions = this.#coverage.counts;
    return {
      resource,
      version,
      recordedVersions: Object.fromEntries([...this.#versions].sort(([a], [b]) => a - b)),
      creations: this.#creations,
      removals: this.#removals,
      joined: this.#joined,
      live: this.#live.size,
      coverage: {
        declared: transitions.length,
        seen: transitions.filter(({ count }) => count > 0).length,
      },
      transitions,
      states: this.#dwell.states,
    };
  }

  #count({ version, old, event, deadline, new: next }: ChangeRecord): void {
    this.#versions.set(version, (this.#versions.get(version) ?? 0) + 1);
    if (old === null) this.#creations += 1;
    else if (next === null) this.#removals += 1;
    else this.#coverage.take(old, event, next, deadline);
  }

  #checkVersion(change: ChangeRecord): void {
    const { version } = this.#lifecycle;
    const wrong = this.#options.exactVersion
      ? change.version !== version
      : change.version > version;
    if (!wrong) return;
    const told = `It was recorded under version ${change.version} and is checked against ${version}.`;
    this.#fault(change, 'LIFECYCLE_VERSION', told);
  }

  /** The first event of a resource, or the first after it was forgotten. */
  #meet(change: ChangeRecord, verdict: Verdict): void {
    const { old, new: next, revision, at } = change;
    // A removal or an end of a resource that was forgotten long ago tells no more.
    if (old !== null && next !== null) {
      this.#joined += 1;
      if (this.#options.complete) {
        this.#fault(change, 'REVISION_GAP', `The trace begins with revision ${revision}, not 1.`);
      }
    }
    // Of a self-transition nobody saw when the state was entered.
    const history = new History(next, revision, old === next ? undefined : at);
    history.remember(change.id);
    if (change.old === null) history.remembered = null;
    this.#recall(history, verdict);
    this.#schedule(history, change, verdict, false);
    this.#keep(change.uuid, history);
  }

  #keep(uuid: string, history: History): void {
    const { state } = history;
    if (state !== null && !this.#finals.has(state)) {
      this.#ended.delete(uuid);
      this.#live.set(uuid, history);
      return;
    }
    this.#live.delete(uuid);
    this.#ended.set(uuid, history);
    if (this.#ended.size <= rememberedEnds) return;
    for (const oldest of this.#ended.keys()) {
      this.#ended.delete(oldest);
      break;
    }
  }

  #follow(history: History, change: ChangeRecord, verdict: Verdict): void {
    const { old, new: next, revision, at } = change;
    if (revision <= history.revision) {
      this.#tellOrder(history, change);
      history.remember(change.id);
      return;
    }
    const gapless = revision === history.revision + 1;
    const linked = gapless && old === history.state;
    if (!gapless) this.#tellGap(history, change);
    else if (!linked) {
      const told = `It leaves ${old ?? 'nothing'}, but revision ${history.revision} entered ${history.state ?? 'nothing'}.`;
      this.#fault(change, 'CHAIN_BROKEN', told);
    }
    if (linked) {
      this.#checkDwell(history, at, change);
      this.#checkEarly(history, change);
    } else {
      history.lose();
      history.remembered = undefined;
    }
    this.#recall(history, verdict);
    if (linked && old !== null && old !== next && history.since !== undefined) {
      this.#dwell.add(old, Math.max(0, at - history.since));
    }
    history.revision = revision;
    history.remember(change.id);
    if (old !== next) history.enter(next, at);
    else if (!linked) history.enter(next, undefined);
    this.#schedule(history, change, verdict, linked);
    this.#keep(change.uuid, history);
  }

  /** @param known Whether the state before is known, so that nothing else can be running. */
  #schedule(
    history: History,
    { at, new: next }: ChangeRecord,
    verdict: Verdict,
    known: boolean,
  ): void {
    if (verdict.lawful && verdict.row !== undefined) history.reschedule(verdict.row, at);
    else if (known) history.restart(this.#lifecycle.table.armed.get(next ?? '') ?? [], at);
  }

  /** Keeps what the resource remembers from now on. */
  #recall(history: History, verdict: Verdict): void {
    const { histories } = this.#lifecycle.table;
    if (!verdict.lawful) history.remembered = undefined;
    if (!verdict.lawful || verdict.row?.remembers === undefined) return;
    // With one place it is known from here on, whatever it was before.
    if (history.remembered === undefined && histories.size > 1) return;
    history.remembered = rememberedAfter(histories, history.remembered, verdict.row);
  }

  #tellOrder(history: History, change: ChangeRecord): void {
    if (change.revision === history.revision) {
      this.#fault(
        change,
        'REVISION_REPEATED',
        `Another event of this revision came before: the resource entered ${history.state ?? 'nothing'}.`,
      );
    } else {
      this.#fault(change, 'REVISION_BACK', `Revision ${history.revision} came before.`);
    }
  }

  #tellGap(history: History, change: ChangeRecord): void {
    const first = history.revision + 1;
    const last = change.revision - 1;
    const missing = first === last ? `Revision ${first} is` : `Revisions ${first} to ${last} are`;
    this.#fault(change, 'REVISION_GAP', `${missing} missing.`);
  }

  #checkDwell(history: History, time: number, subject: FaultSubject): void {
    const { state, since } = history;
    if (state === null) return;
    const bound = this.#bounds.get(state);
    if (!history.told && bound !== undefined && since !== undefined && time - since > bound) {
      history.told = true;
      const told = `It was in ${state} for ${roundedDuration(time - since)}, longer than ${durationText(bound)}.`;
      this.#fault(subject, 'DWELL_EXCEEDED', told);
    }
    for (const running of history.deadlines) {
      const { deadline } = running;
      const late = time - running.since - deadline.after;
      if (running.told || late <= this.#options.tolerance) continue;
      running.told = true;
      const told = `It was in ${state} for ${roundedDuration(late)} beyond its deadline of ${durationText(deadline.after)}.`;
      this.#fault(subject, 'DWELL_EXCEEDED', told);
    }
  }

  /** A timeout is in time when one of the deadlines that lead there has passed. */
  #checkEarly(history: History, change: ChangeRecord): void {
    const { old, event, deadline, new: next, at } = change;
    if (event !== deadlineExceeded || old === null) return;
    const { timeouts, deadlines } = this.#lifecycle.table;
    const known = deadline !== undefined && deadlines.has(deadline);
    const leading = [...(timeouts.get(old) ?? [])]
      .filter(([id, rows]) => (known ? id === deadline : rows.some(({ to }) => to === next)))
      .map(([id]) => history.deadlines.find((running) => running.deadline.id === id));
    const early = leading.map((running) =>
      // Of one that is not known to run, nobody can tell since when.
      running === undefined ? 0 : running.since + running.deadline.after - at,
    );
    if (early.length === 0 || early.some((left) => left <= this.#options.tolerance)) return;
    const left = Math.min(...early);
    const told = `Its deadline had ${roundedDuration(left)} to go.`;
    this.#fault(change, 'DEADLINE_EARLY', told);
  }

  #fault(subject: FaultSubject, code: TraceFaultCode, told: string): void {
    const { resource, uuid, revision, place, id, time } = subject;
    const event = subject.event === undefined ? '' : ` ${subject.event}`;
    this.#faults.add({
      code,
      message: `${resource} ${uuid}, revision ${revision}${event}: ${told}`,
      place,
      resource,
      uuid,
      revision,
      ...(id === undefined ? {} : { id }),
      ...(time === undefined ? {} : { time }),
    });
  }
}

/** Returns the remembered state before a change, if the change follows the last one seen. */
function memoryAt(history: History | undefined, { revision, old }: ChangeRecord) {
  return history !== undefined && revision === history.revision + 1 && old === history.state
    ? history.remembered
    : undefined;
}

type FaultSubject = Pick<ChangeRecord, 'resource' | 'uuid' | 'revision' | 'place'> &
  Partial<Pick<ChangeRecord, 'id' | 'time' | 'event'>>;
