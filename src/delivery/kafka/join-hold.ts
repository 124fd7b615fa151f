import type { Committer } from './committer.js';
import type { RecordSink } from './session-options.js';

interface JoinHoldOptions {
  readonly sink: RecordSink;
  readonly committer: Committer;
  readonly sessionTimeout: number;
  readonly stopping: () => boolean;
}

/**
 * Holds back the joining of a group, so that no two members handle one key at once: until what is under
 * way has ended and was offered for commit, but no longer than two thirds of the session, after which the
 * group may go on without the member.
 */
export class JoinHold {
  readonly #options: JoinHoldOptions;
  #hold: { readonly until: number; commitUntil?: number } | undefined;

  constructor(options: JoinHoldOptions) {
    this.#options = options;
  }

  mayJoin(): boolean {
    const { sessionTimeout, stopping } = this.#options;
    const now = performance.now();
    this.#hold ??= { until: now + (sessionTimeout * 2) / 3 };
    if (!stopping() && now < this.#hold.until && this.#mustWait(this.#hold, now)) return false;
    this.#hold = undefined;
    return true;
  }

  #mustWait(hold: { commitUntil?: number }, now: number): boolean {
    const { sink, committer, sessionTimeout } = this.#options;
    if (sink.busy()) return true;
    if (hold.commitUntil === undefined) {
      // A commit does not come through while its coordinator is down, and is then tried for long.
      hold.commitUntil = now + sessionTimeout / 6;
      // Brokers take a commit until the group has formed anew; what they refuse is read again.
      if (committer.dirty) void committer.now();
    }
    return committer.underWay && now < hold.commitUntil;
  }
}
