import { ConfigurationError } from '../../core/errors/errors.js';
import { checkOptions, optionsOf } from '../../core/options/check-options.js';
import { retryFields } from './bus-fields.js';
import type { RetryPolicy } from './bus.js';

/** The policy with its defaults. */
export type RetrySettings = Required<Omit<RetryPolicy, 'unavailable'>> &
  Pick<RetryPolicy, 'unavailable'>;

const retrySchema = optionsOf<RetryPolicy>('a retry policy', retryFields);

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
  checkOptions(retrySchema, policy);
  const complete: Required<RetryPolicy> = {
    attempts: policy.attempts ?? defaults.attempts,
    delay: policy.delay ?? defaults.delay,
    maxDelay: policy.maxDelay ?? defaults.maxDelay,
    order: policy.order ?? defaults.order,
    unavailable: policy.unavailable ?? defaults.unavailable,
  };
  const { attempts } = complete;
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
