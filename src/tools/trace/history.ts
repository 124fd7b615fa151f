import type { Remembered } from '../../core/lifecycle/remembered.js';
import type { Deadline, TableRow } from '../../core/lifecycle/lifecycle.js';

/** How many of the latest event ids of a resource are known again when they are delivered twice. */
export const rememberedIds = 8;

/** A deadline that runs for a resource. */
interface RunningDeadline {
  readonly deadline: Deadline;
  readonly since: number;
  told: boolean;
}

/**
 * State of one live resource in a trace: its latest revision and state, since when, its deadlines, and its
 * last few event ids. Bounded, however long the resource lives.
 */
export class History {
  /** Null once it is removed. */
  state: string | null;
  revision: number;
  /** Milliseconds; undefined when the entry into the state is not in the trace. */
  since: number | undefined;
  /** Whether it was told that the resource is in its state for too long. */
  told = false;
  /** The state that history states return to; undefined where the trace does not hold it. */
  remembered: Remembered | undefined;
  #deadlines: RunningDeadline[] = [];
  #ids: readonly string[] = [];

  constructor(state: string | null, revision: number, since: number | undefined) {
    this.state = state;
    this.revision = revision;
    this.since = since;
  }

  get deadlines(): readonly RunningDeadline[] {
    return this.#deadlines;
  }

  /** Whether an event of this id was among the latest. */
  remembers(id: string): boolean {
    return this.#ids.includes(id);
  }

  remember(id: string): void {
    this.#ids = [...this.#ids.slice(1 - rememberedIds), id];
  }

  enter(state: string | null, since: number | undefined): void {
    this.state = state;
    this.since = since;
    this.told = false;
  }

  /** Keeps the deadlines as the transition does. */
  reschedule({ arms, cancels }: Pick<TableRow, 'arms' | 'cancels'>, time: number): void {
    if (cancels.length > 0) {
      this.#deadlines = this.#deadlines.filter(({ deadline }) => !cancels.includes(deadline.id));
    }
    for (const deadline of arms) this.#arm(deadline, time);
  }

  /** Keeps those of `armed` that run already, and starts the others: after an undeclared transition. */
  restart(armed: readonly Deadline[], time: number): void {
    const ids = new Set(armed.map(({ id }) => id));
    this.#deadlines = this.#deadlines.filter(({ deadline }) => ids.delete(deadline.id));
    for (const deadline of armed) if (ids.has(deadline.id)) this.#arm(deadline, time);
  }

  /** Forgets what ran: nobody saw when it began. */
  lose(): void {
    this.#deadlines = [];
  }

  #arm(deadline: Deadline, since: number): void {
    this.#deadlines.push({ deadline, since, told: false });
  }
}
