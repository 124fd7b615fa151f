import {
  type AnyLifecycle,
  deadlineExceeded,
  type Deadline,
  type GuardCondition,
  type Region,
} from '../../core/lifecycle/lifecycle.js';
import { coversEveryAnswer } from './guard-formula.js';

/** A resource while one deadline runs: its state, and when the other deadlines are due. */
interface Running {
  readonly state: string;
  /** Milliseconds since the deadline was armed. */
  readonly now: number;
  /** Ids of the other deadlines that run, with when they are due. */
  readonly due: ReadonlyMap<string, number>;
}

/** More than this is not explored: the deadline then counts as one that can pass. */
const mostSteps = 20_000;

/**
 * Finds the deadlines that can never pass, because a shorter one always cancels them first. Pure. Events
 * may come at any time and guards may answer either way, so that a deadline is named only where no history
 * lets it pass: neither of its region alone, nor of all regions together, which may reach into each other.
 */
export function neverPassing(lifecycle: AnyLifecycle): readonly Deadline[] {
  const { regions, states, transitions, table } = lifecycle;
  const named = new Map(regions.flatMap(neverPassingIn).map((each) => [each.id, each]));
  if (regions.length <= 1 || named.size === 0) return [...named.values()];
  const entries = [...table.creations.values()];
  const together = neverPassingIn({ path: '', states, entries, transitions });
  return together.filter(({ id }) => named.has(id));
}

function neverPassingIn(region: Region): readonly Deadline[] {
  const table = tableOf(region);
  const armings = armingsOf(table);
  const spendable = spendableDeadlines(table);
  return [...table.deadlines.values()].filter((deadline) => {
    const begun = armings.get(deadline.id);
    return begun !== undefined && !canPass(deadline, begun, spendable, table);
  });
}

/** Lookups of an exploration in one region. */
interface DeadlineTable {
  readonly deadlines: ReadonlyMap<string, Deadline>;
  /** state -> the deadlines that run in it. */
  readonly armed: ReadonlyMap<string, readonly Deadline[]>;
  readonly entries: readonly Arming[];
  /** state -> the transitions that events take. */
  readonly rows: ReadonlyMap<string, readonly DeadlineRow[]>;
  /** state -> deadline id -> its transitions. */
  readonly timeouts: ReadonlyMap<string, ReadonlyMap<string, readonly DeadlineRow[]>>;
}

interface DeadlineRow {
  readonly to: string;
  readonly arms: readonly Deadline[];
  readonly cancels: readonly string[];
  readonly guards: readonly GuardCondition[];
}

function tableOf({ states, entries, transitions }: Region): DeadlineTable {
  const deadlines = new Map<string, Deadline>();
  for (const state of states) for (const each of state.deadlines) deadlines.set(each.id, each);
  const rows = new Map<string, DeadlineRow[]>();
  const timeouts = new Map<string, Map<string, DeadlineRow[]>>();
  for (const { from, event, deadline, to, arms, cancels, guards = [] } of transitions) {
    const known = arms.flatMap((id) => deadlines.get(id) ?? []);
    const row = { to, arms: known, cancels, guards };
    if (event !== deadlineExceeded || deadline === undefined) {
      rows.set(from, [...(rows.get(from) ?? []), row]);
      continue;
    }
    const byDeadline = timeouts.get(from) ?? new Map<string, DeadlineRow[]>();
    timeouts.set(from, byDeadline.set(deadline, [...(byDeadline.get(deadline) ?? []), row]));
  }
  return {
    deadlines,
    armed: new Map(states.map(({ name, deadlines: running }) => [name, running])),
    entries: entries.map(({ state, arms }) => ({ state, arms: new Set(arms.map(({ id }) => id)) })),
    rows,
    timeouts,
  };
}

/** A way in which a deadline is armed: the state the resource is in then, and what else begins. */
interface Arming {
  readonly state: string;
  readonly arms: ReadonlySet<string>;
}

function armingsOf({ rows, timeouts, entries }: DeadlineTable): ReadonlyMap<string, Arming[]> {
  const armings = new Map<string, Arming[]>();
  const note = (arming: Arming): void => {
    for (const id of arming.arms) armings.set(id, [...(armings.get(id) ?? []), arming]);
  };
  const timed = [...timeouts.values()].flatMap((byDeadline) => [...byDeadline.values()]);
  for (const { to, arms } of [...rows.values(), ...timed].flat()) {
    note({ state: to, arms: new Set(arms.map(({ id }) => id)) });
  }
  entries.forEach(note);
  return armings;
}

/** The deadlines that can pass without leaving their state: from then on they do not run. */
function spendableDeadlines({ armed, timeouts }: DeadlineTable): ReadonlySet<string> {
  const spendable = new Set<string>();
  for (const [state, deadlines] of armed) {
    for (const { id } of deadlines) {
      const rows = timeouts.get(state)?.get(id) ?? [];
      const stays = rows.some(
        ({ to, arms }) =>
          armed.get(to)?.some((each) => each.id === id) === true &&
          !arms.some((each) => each.id === id),
      );
      if (stays || !coversEveryAnswer(rows.map(({ guards }) => guards))) spendable.add(id);
    }
  }
  return spendable;
}

function canPass(
  deadline: Deadline,
  armings: readonly Arming[],
  spendable: ReadonlySet<string>,
  table: DeadlineTable,
): boolean {
  const open: Running[] = armings.map(({ state, arms }) => ({
    state,
    now: 0,
    // One that runs on from before is due no later than if it began now, or is spent already.
    due: new Map(
      (table.armed.get(state) ?? [])
        .filter(({ id }) => id !== deadline.id && (arms.has(id) || !spendable.has(id)))
        .map(({ id, after }) => [id, after]),
    ),
  }));
  const seen = new Map<string, number>();
  for (let steps = 0; steps < mostSteps; steps += 1) {
    const running = open.pop();
    if (running === undefined) return false;
    const [id, due] = firstDue(running.due);
    if (due >= deadline.after) return true;
    const before = seen.get(situation(running));
    // The same situation, later: whoever goes round once more has as much time as he likes.
    if (before !== undefined && running.now > before) return true;
    if (before !== undefined) continue;
    seen.set(situation(running), running.now);
    open.push(...nextOf(running, id, due, deadline, table));
  }
  return true;
}

/**
 * Where the resource can be next if it stays as long as it may: nothing is gained by an earlier event,
 * for what it arms is due the sooner.
 */
function nextOf(
  { state, due: before }: Running,
  id: string,
  now: number,
  deadline: Deadline,
  table: DeadlineTable,
): readonly Running[] {
  const timeouts = table.timeouts.get(state)?.get(id) ?? [];
  const rest = new Map(before);
  rest.delete(id);
  const take = (row: DeadlineRow, due: ReadonlyMap<string, number>): readonly Running[] => {
    if (row.cancels.includes(deadline.id)) return [];
    const after = new Map(due);
    for (const cancelled of row.cancels) after.delete(cancelled);
    for (const armed of row.arms) after.set(armed.id, now + armed.after);
    return [{ state: row.to, now, due: after }];
  };
  const events = table.rows.get(state) ?? [];
  return [
    ...timeouts.flatMap((row) => take(row, rest)),
    ...(coversEveryAnswer(timeouts.map(({ guards }) => guards)) ? [] : [{ state, now, due: rest }]),
    ...events.flatMap((row) => take(row, before)),
  ];
}

function firstDue(due: ReadonlyMap<string, number>): readonly [id: string, due: number] {
  let first: readonly [string, number] = ['', Number.POSITIVE_INFINITY];
  for (const entry of due) if (entry[1] < first[1]) first = entry;
  return first;
}

function situation({ state, now, due }: Running): string {
  const left = [...due].map(([id, at]) => `${id} ${at - now}`);
  return [state, ...left.toSorted((a, b) => (a < b ? -1 : 1))].join('\n');
}
