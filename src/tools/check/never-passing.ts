import type { Deadline, LifecycleTable, TableRow } from '../../core/lifecycle/lifecycle.js';
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
 * The deadlines that can never pass, because a shorter one always cancels them first. Pure. Events may
 * come at any time and guards may answer either way, so that a deadline is named only where no history
 * lets it pass.
 */
export function neverPassing(table: LifecycleTable): readonly Deadline[] {
  const armings = armingsOf(table);
  const spendable = spendableDeadlines(table);
  return [...table.deadlines.values()].filter((deadline) => {
    const begun = armings.get(deadline.id);
    return begun !== undefined && !canPass(deadline, begun, spendable, table);
  });
}

/** A way in which a deadline is armed: the state the resource is in then, and what else begins. */
interface Arming {
  readonly state: string;
  readonly arms: ReadonlySet<string>;
}

function armingsOf({ rows, timeouts, creations }: LifecycleTable): ReadonlyMap<string, Arming[]> {
  const armings = new Map<string, Arming[]>();
  const note = (state: string, arms: readonly Deadline[]): void => {
    const arming = { state, arms: new Set(arms.map(({ id }) => id)) };
    for (const { id } of arms) armings.set(id, [...(armings.get(id) ?? []), arming]);
  };
  for (const byTrigger of [...rows.values(), ...timeouts.values()]) {
    for (const row of [...byTrigger.values()].flat()) note(row.to, row.arms);
  }
  for (const { state, arms } of creations.values()) note(state, arms);
  return armings;
}

/** The deadlines that can pass without leaving their state: from then on they do not run. */
function spendableDeadlines({ armed, timeouts }: LifecycleTable): ReadonlySet<string> {
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
  table: LifecycleTable,
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
  table: LifecycleTable,
): readonly Running[] {
  const timeouts = table.timeouts.get(state)?.get(id) ?? [];
  const rest = new Map(before);
  rest.delete(id);
  const take = (row: TableRow, due: ReadonlyMap<string, number>): readonly Running[] => {
    if (row.cancels.includes(deadline.id)) return [];
    const after = new Map(due);
    for (const cancelled of row.cancels) after.delete(cancelled);
    for (const armed of row.arms) after.set(armed.id, now + armed.after);
    return [{ state: row.to, now, due: after }];
  };
  const events = [...(table.rows.get(state)?.values() ?? [])].flat();
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
