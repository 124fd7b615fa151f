import type { AnyLifecycle, Deadline } from '../lifecycle/lifecycle.js';
import { deadlineExceeded } from '../lifecycle/lifecycle.js';
import { isActive, placeOf, readDeadlineId } from './deadline-place.js';

/** An armed deadline as it is settled: what the row of the deadline says. */
export interface DeadlineFact {
  readonly deadline: string;
  /** The revision that armed it. */
  readonly revision: number;
  /** The version of the lifecycle that armed it; null of a release that did not note it. */
  readonly version: number | null;
  /** Milliseconds until it is due; below 0 when it is overdue. */
  readonly dueIn: number;
}

/** A journal entry about a resource: a state change, or a deadline that was announced. */
export type LifeEntry =
  | {
      readonly kind: 'change';
      readonly revision: number;
      readonly event: string;
      readonly old: string | null;
      readonly new: string | null;
      readonly reason?: string | undefined;
    }
  | { readonly kind: 'alert'; readonly revision: number; readonly deadline: string };

/** Changes that leave a resource with the deadlines of its state, and no others. */
export interface DeadlineSettlement {
  /** Ids of deadlines that are as they should be. */
  readonly kept: readonly string[];
  /** Ids to cancel: of a stay that is over, or replaced. */
  readonly cancels: readonly string[];
  /** To arm at the resource's revision, `after` milliseconds from now; 0 or less is due at once. */
  readonly arms: readonly Pick<Deadline, 'id' | 'after'>[];
  /** Ids that a newer version of the lifecycle armed: its processes fire them. */
  readonly newer: readonly string[];
}

/**
 * Settles the deadlines of one resource with this version of its lifecycle, whatever version armed them.
 * Pure. Undefined when this version does not know the resource's state.
 *
 * A deadline belongs to a stay in its state: one that the resource has left since is cancelled. A deadline
 * of the same state with another delay is replaced, and goes on from when it was armed; so is one of a
 * state that was renamed beneath the resource. What a newer version armed is left to that version until it
 * is overdue. A deadline that the state should have and that was not told of in this stay is armed, and
 * counts from now: nobody knows since when the resource was to be watched.
 *
 * @param armed Every armed deadline of the resource.
 * @param life The last of what the journal says of it, newest first.
 */
export function settleDeadlines(
  lifecycle: AnyLifecycle,
  { state, revision }: { readonly state: string; readonly revision: number },
  armed: readonly DeadlineFact[],
  life: readonly LifeEntry[],
): DeadlineSettlement | undefined {
  const required = lifecycle.table.armed.get(state);
  if (required === undefined) return undefined;
  const kept: string[] = [];
  const cancels: string[] = [];
  const newer: DeadlineFact[] = [];
  const spare: { readonly node: string; readonly elapsed: number }[] = [];
  for (const each of armed) {
    const { deadline, dueIn } = each;
    const { node, after } = readDeadlineId(deadline);
    const known = required.some(({ id }) => id === deadline);
    if (!hasStayed(each, node, state, revision, life)) {
      cancels.push(deadline);
    } else if (known) {
      kept.push(deadline);
    } else if (isNewer(each, lifecycle) && !(dueIn <= 0 && declares(required, node))) {
      newer.push(each);
    } else {
      cancels.push(deadline);
      spare.push({ node, elapsed: Number.isFinite(after) ? Math.max(0, after - dueIn) : 0 });
    }
  }
  const arms = required.flatMap(({ id, state: node, after }) => {
    if (kept.includes(id) || newer.some(({ deadline }) => placeOf(deadline) === placeOf(id))) {
      return [];
    }
    const same = spare.filter((each) => each.node === node);
    const elapsed = (same.length > 0 ? same : spare.filter((each) => !isActive(each.node, state)))
      // Of several, whichever was armed first.
      .reduce<number | undefined>((most, each) => Math.max(most ?? 0, each.elapsed), undefined);
    if (elapsed === undefined && wasTold({ node, after }, revision, life)) return [];
    return [{ id, after: after - (elapsed ?? 0) }];
  });
  return { kept, cancels, arms, newer: newer.map(({ deadline }) => deadline) };
}

function isNewer({ version }: DeadlineFact, lifecycle: AnyLifecycle): boolean {
  return (version ?? 0) > lifecycle.version;
}

function declares(required: readonly Deadline[], node: string): boolean {
  return required.some(({ state }) => state === node);
}

/** Whether the resource has been in the state since the deadline was armed. */
function hasStayed(
  { revision: armedAt }: DeadlineFact,
  node: string,
  state: string,
  revision: number,
  life: readonly LifeEntry[],
): boolean {
  // A row that did not move since, but is in another state, was renamed beneath us.
  if (armedAt === revision) return true;
  return armedAt < revision && isActive(node, state) && armedAt >= staySince(node, revision, life);
}

/**
 * The lowest revision at which the resource is known to have been in the node, as it is now. What the
 * journal does not tell, having been purged, is not known.
 */
function staySince(node: string, revision: number, life: readonly LifeEntry[]): number {
  let since = revision;
  for (const entry of life) {
    if (entry.kind !== 'change' || entry.revision > since) continue;
    const { old, new: next } = entry;
    const within = next !== null && isActive(node, next) && old !== null && isActive(node, old);
    if (entry.revision !== since || !within) break;
    since -= 1;
  }
  return since;
}

/** Whether a deadline of the node at least as long was told of in this stay: it fires once. */
function wasTold(
  { node, after }: { readonly node: string; readonly after: number },
  revision: number,
  life: readonly LifeEntry[],
): boolean {
  const since = staySince(node, revision, life);
  return life.some((entry) => {
    const told = entry.revision >= since ? toldDeadline(entry) : undefined;
    if (told === undefined) return false;
    const id = readDeadlineId(told);
    return id.node === node && id.after >= after;
  });
}

/** The deadline that an entry tells of: an alert by its details, a timeout transition by its reason. */
function toldDeadline(entry: LifeEntry): string | undefined {
  if (entry.kind === 'alert') return entry.deadline;
  if (entry.event !== deadlineExceeded) return undefined;
  return /^deadline (?<id>.*) passed$/su.exec(entry.reason ?? '')?.groups?.['id'];
}
