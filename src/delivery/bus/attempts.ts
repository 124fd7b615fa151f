import { toError } from '../../core/errors/to-error.js';
import { failpoint } from '../../core/failpoints/failpoints.js';
import type { BusMessage } from './bus.js';
import { deadLetterText, truncateFailure } from './dead-letter-cause.js';
import { DeadLetterError } from './dead-letter-error.js';
import type { Entry } from './entry.js';
import type { HandlingFailure } from './handling-failure.js';
import type { Keyed, Tried } from './incoming-delivery.js';
import type { Outage } from './outage.js';
import { isPublishRefused } from './publish-refused.js';
import { longestHold, retryDelay, type RetrySettings } from './retry-policy.js';
import { isUnavailable } from './unavailable.js';
import type { Outcome, Tries } from './unsettled.js';

interface AttemptsOptions<M extends Keyed> {
  readonly handler: (delivery: Tried<M>, signal: AbortSignal) => void | Promise<void>;
  readonly signal: AbortSignal;
  readonly pool: string | undefined;
  readonly retry: RetrySettings;
  readonly outage: Outage;
  readonly onRetry: (delivery: Tried<M>, delay: number, error: Error) => void;
}

/** Next action for an entry: none, another try after so many milliseconds, or a try without others. */
export type Next = 'done' | 'alone' | { readonly wait: number };

const done: Next = 'done';
/** How much the last handler's duration counts in the typical one. */
const weight = 0.2;

/** Tries deliveries: decides from what is known and from what the handler does how each goes on. */
export class Attempts<M extends Keyed = BusMessage> {
  readonly #options: AttemptsOptions<M>;
  #duration: number | undefined;

  constructor(options: AttemptsOptions<M>) {
    this.#options = options;
  }

  /** Milliseconds that handlers take; undefined before one has returned. */
  get duration(): number | undefined {
    return this.#duration;
  }

  /** One try. Never rejects. */
  async next(entry: Entry<M>): Promise<Next> {
    if (entry.failure === undefined) {
      const known = await this.#known(entry);
      if (known !== undefined) return known;
    }
    if (entry.failure === undefined) {
      const next = await this.#handle(entry);
      if (next !== undefined) return next;
    }
    if (entry.failure === undefined || entry.forgotten) return done;
    return this.#giveUp(entry, entry.failure);
  }

  /** Decides by an earlier delivery; undefined when a handler may begin, or the message must be put aside. */
  async #known(entry: Entry<M>): Promise<Next | undefined> {
    const { claim, begun } = entry;
    if (claim !== undefined) {
      await claim.ended;
      if (entry.forgotten) return done;
      entry.claim = undefined;
      return this.#goOn(entry, claim.outcome ?? { kind: 'held' });
    }
    if (begun === undefined || entry.counted) return undefined;
    const count = await begun.count();
    if (entry.forgotten) return done;
    entry.counted = true;
    if (count >= Math.max(begun.limit, fewestMarks)) {
      entry.tries.attempt = count;
      const reason = `its handler began ${count} times, and each time the process ended before the handler did`;
      entry.failure = { reason, attempts: count, error: new Error(reason) };
      return undefined;
    }
    // Which of several under way has ended the process is seen only when there is a single one.
    if (count === 0) return undefined;
    entry.alone = true;
    return 'alone';
  }

  #goOn(entry: Entry<M>, outcome: Outcome): Next | undefined {
    if (outcome.kind === 'handled') {
      entry.incoming.acknowledge();
      return done;
    }
    if (outcome.kind === 'held') return undefined;
    entry.tries = { ...outcome.tries };
    if (outcome.kind === 'givenUp') entry.failure = outcome.failure;
    if (outcome.kind !== 'failed') return undefined;
    const wait = outcome.dueAt - performance.now();
    return wait > 0 ? { wait } : undefined;
  }

  /** Undefined when it is to be given up, or is forgotten. */
  async #handle(entry: Entry<M>): Promise<Next | undefined> {
    const { handler, pool, signal } = this.#options;
    const { begun } = entry;
    const { message, redelivered } = entry.incoming;
    await begun?.begin();
    if (entry.forgotten) {
      begun?.end(false);
      return done;
    }
    entry.tries.attempt += 1;
    const { attempt } = entry.tries;
    const delivery: Tried<M> = {
      ...message,
      attempt,
      redelivered: redelivered || attempt > 1,
      ...(pool === undefined ? {} : { pool }),
    };
    const start = performance.now();
    entry.underWay = true;
    try {
      failpoint('handle');
      await handler(delivery, signal);
      failpoint('ack');
    } catch (thrown) {
      const error = toError(thrown);
      return this.#failed(entry, delivery, error);
    } finally {
      entry.underWay = false;
      this.#took(performance.now() - start);
    }
    this.#options.outage.passed();
    this.#settle(entry);
    return done;
  }

  /** It is handled, or dead-lettered. */
  #settle(entry: Entry<M>): void {
    entry.begun?.end(true);
    entry.incoming.acknowledge();
    entry.onOutcome?.({ kind: 'handled' });
  }

  #failed(entry: Entry<M>, delivery: Tried<M>, error: Error): Next | undefined {
    const { onRetry } = this.#options;
    const { tries, begun } = entry;
    begun?.end(false);
    const wait = this.#waitAfter(entry, error);
    if (wait === undefined) {
      entry.onOutcome?.({ kind: 'givenUp', tries, failure: entry.failure as HandlingFailure });
      return undefined;
    }
    entry.onOutcome?.({ kind: 'failed', tries, dueAt: performance.now() + wait });
    if (entry.forgotten) return done;
    const { lasts } = this.#options.outage;
    onRetry(delivery, wait, error);
    // In an outage the probes wait, and not the messages: each is a probe in its turn.
    return { wait: lasts && tries.aways > 0 ? 0 : wait };
  }

  /** Milliseconds until the next try; undefined, with the failure in the entry, when there is none. */
  #waitAfter(entry: Entry<M>, error: Error): number | undefined {
    const { retry, outage } = this.#options;
    const { tries } = entry;
    const waits = retry.unavailable !== 'count' && !(error instanceof DeadLetterError);
    if (waits && isUnavailable(error)) {
      const probe = outage.failed(error);
      this.#away(tries);
      if (tries.awayAlone < Math.max(retry.attempts, fewestAlone) || !isLong(tries)) {
        return probe ?? retryDelay(retry, tries.aways);
      }
    } else {
      outage.passed();
      tries.aways = 0;
      tries.faults += 1;
    }
    const { attempt } = tries;
    if (error instanceof DeadLetterError) {
      entry.failure = { reason: deadLetterText(error.reason), attempts: attempt, error };
      return undefined;
    }
    if (tries.aways === 0 && tries.faults < retry.attempts) return retryDelay(retry, tries.faults);
    const told = attempt === 1 ? '1 try' : `${attempt} tries`;
    const reason = deadLetterText(`failed after ${told}: ${error.message}`);
    entry.failure = { reason, attempts: attempt, error };
    return undefined;
  }

  #away(tries: Tries): void {
    const { passes } = this.#options.outage;
    if (tries.aways === 0) {
      tries.awaySince = performance.now();
      tries.awayAlone = 0;
    } else if (passes > tries.passes) tries.awayAlone += 1;
    tries.passes = passes;
    tries.aways += 1;
  }

  async #giveUp(entry: Entry<M>, failure: HandlingFailure): Promise<Next> {
    entry.underWay = true;
    try {
      await entry.incoming.giveUp(failure);
      entry.begun?.end(true);
      entry.onOutcome?.({ kind: 'handled' });
      return done;
    } catch (error) {
      // The error's text may push the dead letter over a limit of the transport: the next has less of it.
      if (isPublishRefused(error)) entry.failure = truncateFailure(failure);
      entry.giveUpTries += 1;
      entry.onOutcome?.({ kind: 'givenUp', tries: entry.tries, failure: entry.failure ?? failure });
      return { wait: retryDelay({ delay: 200, maxDelay: 5_000 }, entry.giveUpTries) };
    } finally {
      entry.underWay = false;
    }
  }

  #took(duration: number): void {
    const before = this.#duration ?? duration;
    this.#duration = before + (duration - before) * weight;
  }
}

/** The first mark of a message may be of a crowd, of which one ended the process; the others are its own. */
const fewestMarks = 2;

/** A message that fails alone must do so at least so often before its failure is taken for its own. */
const fewestAlone = 5;

function isLong({ awaySince }: Tries): boolean {
  return performance.now() - awaySince > longestHold;
}
