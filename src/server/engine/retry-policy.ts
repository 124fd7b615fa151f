import { RefusedError } from '../../core/errors/errors.js';

/** SNS's four phases. Times in seconds, as SNS has them. */
export interface PhasedRetry {
  /** Tries after the first. 0 to 100. Default 3. */
  readonly numRetries?: number;
  /** Of those, at once. Default 0. */
  readonly numNoDelayRetries?: number;
  /** Then with the shortest delay. Default 0. */
  readonly numMinDelayRetries?: number;
  /** At the end with the longest delay. Default 0. What remains is between, and grows. */
  readonly numMaxDelayRetries?: number;
  /** Default 20. */
  readonly minDelayTarget?: number;
  /** Default 20, at most 3600. */
  readonly maxDelayTarget?: number;
  /** How delays grow. Default `linear`. */
  readonly backoffFunction?: 'linear' | 'arithmetic' | 'geometric' | 'exponential';
}

/**
 * When a failed delivery is tried again: `standard-webhooks` (0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h,
 * 20 h, 24 h), a list of delays in seconds, or SNS's four phases.
 */
export type RetryPolicy =
  'standard-webhooks' | { readonly delays: readonly number[] } | PhasedRetry;

const [second, minute, hour] = [1, 60, 3600];

/** Seconds before each further try, by Standard Webhooks 1.0. */
const standardDelays = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];

const mostTries = 100;
const mostSeconds = 7 * 24 * hour;

/** Pure. Seconds before each further try. Throws RefusedError RETRY_POLICY_INVALID. */
export function retryDelays(policy: RetryPolicy = 'standard-webhooks'): readonly number[] {
  if (policy === 'standard-webhooks') return standardDelays;
  if (typeof policy !== 'object' || policy === null) {
    throw invalid("it is 'standard-webhooks', { delays } or the phases of SNS");
  }
  const delays = 'delays' in policy ? listed(policy.delays) : phased(policy);
  if (delays.length > mostTries) throw invalid(`it has more than ${mostTries} tries`);
  return delays;
}

function listed(delays: unknown): readonly number[] {
  if (!Array.isArray(delays)) throw invalid('delays is a list of seconds');
  for (const delay of delays) {
    if (typeof delay !== 'number' || !(delay >= 0 && delay <= mostSeconds)) {
      throw invalid(`each delay is a number of seconds from 0 to ${mostSeconds}`);
    }
  }
  return delays as readonly number[];
}

function phased(policy: PhasedRetry): readonly number[] {
  const {
    numRetries = 3,
    numNoDelayRetries: immediate = 0,
    numMinDelayRetries: before = 0,
    numMaxDelayRetries: behind = 0,
    minDelayTarget: least = 20,
    maxDelayTarget: most = Math.max(20, policy.minDelayTarget ?? 0),
    backoffFunction = 'linear',
  } = policy;
  for (const [name, value, lowest, highest] of [
    ['numRetries', numRetries, 0, mostTries],
    ['numNoDelayRetries', immediate, 0, numRetries],
    ['numMinDelayRetries', before, 0, numRetries],
    ['numMaxDelayRetries', behind, 0, numRetries],
  ] as const) {
    if (!Number.isInteger(value) || value < lowest || value > highest) {
      throw invalid(`${name} is a whole number from ${lowest} to ${highest}`);
    }
  }
  if (!(least >= 1 && least <= most && most <= hour)) {
    throw invalid('minDelayTarget is at least 1, maxDelayTarget not below it and at most 3600');
  }
  const between = numRetries - immediate - before - behind;
  if (between < 0) throw invalid('the phases together have more tries than numRetries');
  return [
    ...Array.from({ length: immediate }, () => 0),
    ...Array.from({ length: before }, () => least),
    ...Array.from({ length: between }, (_, index) =>
      grown(backoffFunction, index, between, least, most),
    ),
    ...Array.from({ length: behind }, () => most),
  ];
}

/** The delay of try `index` of `count` on the way from `least` to `most`. */
function grown(
  by: NonNullable<PhasedRetry['backoffFunction']>,
  index: number,
  count: number,
  least: number,
  most: number,
): number {
  const share = count === 1 ? 1 : index / (count - 1);
  switch (by) {
    case 'linear':
      return least + (most - least) * share;
    case 'arithmetic':
      return least + (most - least) * ((share * (index + 1)) / count);
    case 'geometric':
      return least * (most / least) ** share;
    case 'exponential':
      return Math.min(most, least * 2 ** index);
    default:
      throw invalid("backoffFunction is 'linear', 'arithmetic', 'geometric' or 'exponential'");
  }
}

/**
 * Milliseconds until the next try, shortened or lengthened at random by up to a tenth so that endpoints
 * of one host do not come back together; undefined when no try is left.
 *
 * @param tries How many have failed.
 */
export function nextDelay(
  delays: readonly number[],
  tries: number,
  random: () => number = Math.random,
): number | undefined {
  const delay = delays[tries - 1];
  return delay === undefined ? undefined : delay * 1000 * (0.9 + random() * 0.2);
}

function invalid(problem: string): RefusedError {
  return RefusedError.of('RETRY_POLICY_INVALID', `The retry policy is refused: ${problem}.`);
}
