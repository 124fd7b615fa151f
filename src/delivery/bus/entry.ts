import type { HandlingFailure } from './handling-failure.js';
import type { BegunRecord, IncomingDelivery, Keyed } from './incoming-delivery.js';
import { noTries, settledClaim, type Claim, type Outcome, type Tries } from './unsettled.js';

/** A delivery on its way through the dispatcher. */
export interface Entry<M extends Keyed> {
  readonly incoming: IncomingDelivery<M>;
  readonly position: number;
  /** When it came, by `performance.now()`. */
  readonly since: number;
  tries: Tries;
  failure: HandlingFailure | undefined;
  giveUpTries: number;
  /** Claim of this process from an earlier delivery. */
  claim: Claim | undefined;
  /** No other handler may be under way together with its own. */
  alone: boolean;
  /** Given while members of the pool may have died over it. */
  readonly begun: BegunRecord | undefined;
  /** Whether it was asked how often. */
  counted: boolean;
  /** Its handler is under way, or it is being put aside. */
  underWay: boolean;
  /** The transport will deliver it again, so its outcome settles nothing. */
  forgotten: boolean;
  /** Told its outcome when it was forgotten under way. */
  onOutcome: ((outcome: Outcome) => void) | undefined;
}

/** An entry of a delivery that has just come. */
export function newEntry<M extends Keyed>(
  incoming: IncomingDelivery<M>,
  position: number,
  claim: Claim | undefined,
): Entry<M> {
  return {
    incoming,
    position,
    since: performance.now(),
    tries: noTries(),
    failure: incoming.failure,
    giveUpTries: 0,
    claim,
    alone: false,
    // What this process gave back itself killed nobody.
    begun: claim === undefined ? incoming.begun : undefined,
    counted: false,
    underWay: false,
    forgotten: false,
    onOutcome: undefined,
  };
}

/** Pure. What is to be remembered of an entry that is forgotten while nothing of it is under way. */
function outcomeOf<M extends Keyed>({ tries, failure, incoming }: Entry<M>): Outcome {
  if (failure !== undefined && failure !== incoming.failure) {
    return { kind: 'givenUp', tries, failure };
  }
  return tries.attempt === 0 ? { kind: 'held' } : { kind: 'failed', tries, dueAt: 0 };
}

/** Returns the remains of a forgotten entry, for its redelivery. */
export function claimOf<M extends Keyed>(entry: Entry<M>, lane: object | undefined): Claim {
  if (!entry.underWay) return settledClaim(outcomeOf(entry));
  let claim!: { outcome: Outcome | undefined; readonly ended: Promise<void>; lane?: object };
  const ended = new Promise<void>((resolve) => {
    entry.onOutcome = (outcome) => {
      claim.outcome = outcome;
      resolve();
    };
  });
  claim = { outcome: undefined, ended, ...(lane === undefined ? {} : { lane }) };
  return claim;
}
