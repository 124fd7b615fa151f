import { ConfigurationError } from '../../core/errors/errors.js';
import type { RetryPolicy } from './bus.js';

/** The policy with its defaults. */
export type RetrySettings = Required<Omit<RetryPolicy, 'unavailable'>> &
  Pick<RetryPolicy, 'unavailable'>;

const defaults: Required<RetryPolicy> = {
  attempts: 5,
  delay: 200,
  maxDelay: 30_000,
  order: 'hold',
  unavailable: 'wait',
};

/**
 * The longest that one delivery may be held over all its retries, in milliseconds: 25 minutes. RabbitMQ
 * closes the channel of a consumer that keeps a delivery for 30.
 */
export const longestHold = 25 * 60_000;

/** Pure. The policy with its defaults. Throws ConfigurationError for one that cannot be kept. */
export function completeRetryPolicy(policy: RetryPolicy = {}): RetrySettings {
  const complete = { ...defaults, ...policy };
  const { attempts, delay, maxDelay, order, unavailable } = complete;
  if (!Number.isInteger(attempts) || attempts < 1 || attempts > 1000) {
    throw invalid('attempts', attempts, 'is a whole number from 1 to 1000');
  }
  if (!(delay >= 0)) throw invalid('delay', delay, 'is milliseconds, 0 or more');
  if (!(maxDelay >= 0)) throw invalid('maxDelay', maxDelay, 'is milliseconds, 0 or more');
  if (order !== 'hold' && order !== 'release') {
    throw invalid('order', String(order), "is 'hold' or 'release'");
  }
  if (unavailable !== 'wait' && unavailable !== 'count') {
    throw invalid('unavailable', String(unavailable), "is 'wait' or 'count'");
  }
  let hold = 0;
  for (let attempt = 1; attempt < attempts; attempt += 1) hold += retryDelay(complete, attempt);
  if (hold > longestHold) {
    throw invalid('attempts', attempts, 'would hold a delivery for more than 25 minutes in all');
  }
  return complete;
}

/** Pure. Milliseconds to wait after the given failed attempt, the first being 1. */
export function retryDelay(
  { delay, maxDelay }: Pick<RetrySettings, 'delay' | 'maxDelay'>,
  attempt: number,
): number {
  return Math.min(maxDelay, delay * 2 ** (attempt - 1));
}

function invalid(key: string, value: number | string, problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `retry.${key} ${problem}; got ${value}.`, {
    parameters: { key: `retry.${key}`, value },
  });
}
