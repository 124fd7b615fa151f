import { contained } from '../../core/errors/contained.js';
import { ConfigurationError, RefusedError } from '../../core/errors/errors.js';
import { utf8Length } from '../../core/json/plain-json.js';
import type { SubscribeOptions } from './bus.js';
import { defaultMaxIncoming } from './max-incoming.js';
import type { BusNoticeListener } from './notice.js';
import { completeRetryPolicy, type RetrySettings } from './retry-policy.js';

/** Subscribe options with their defaults. */
export interface SubscribeSettings {
  readonly pool: string | undefined;
  readonly prefetch: number;
  readonly concurrency: number;
  readonly order: 'pool' | 'member';
  readonly retry: RetrySettings;
  readonly maxIncoming: number;
  /** Never throws: one that fails is told of, and must not stop deliveries. */
  readonly onMissed: () => void;
}

/** The most that a quorum queue accepts. */
const largestPrefetch = 2000;

/**
 * Pure. The options with their defaults. Throws ConfigurationError CONFIG_VALUE_INVALID for a value out
 * of range, and RefusedError FILTER_INVALID for patterns that no transport takes.
 */
export function completeSubscribeOptions(
  patterns: readonly string[],
  {
    pool,
    prefetch = 100,
    concurrency = 1,
    order = 'pool',
    maxIncoming = defaultMaxIncoming,
    retry,
    onMissed,
  }: SubscribeOptions,
  notify: BusNoticeListener,
): SubscribeSettings {
  if (patterns.length === 0) {
    throw RefusedError.of('FILTER_INVALID', 'A subscription without a pattern receives nothing.');
  }
  for (const pattern of patterns) {
    if (utf8Length(pattern) <= 255) continue;
    throw RefusedError.of('FILTER_INVALID', `The pattern "${pattern}" exceeds 255 bytes.`, {
      pattern,
    });
  }
  if (pool !== undefined && (pool === '' || utf8Length(pool) > 100)) {
    throw invalid('pool', pool, 'is a name of 1 to 100 bytes');
  }
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > largestPrefetch) {
    throw invalid('concurrency', concurrency, `is a whole number from 1 to ${largestPrefetch}`);
  }
  if (!Number.isInteger(prefetch) || prefetch < 1 || prefetch > largestPrefetch) {
    throw invalid('prefetch', prefetch, `is a whole number from 1 to ${largestPrefetch}`);
  }
  if (!Number.isSafeInteger(maxIncoming) || maxIncoming < 1) {
    throw invalid('maxIncoming', maxIncoming, 'is a whole number of bytes, 1 or more');
  }
  return {
    pool,
    // Fewer deliveries than handlers would leave handlers without work.
    prefetch: Math.max(prefetch, concurrency),
    concurrency,
    order,
    maxIncoming,
    retry: completeRetryPolicy(retry),
    onMissed:
      onMissed === undefined
        ? () => {}
        : contained(onMissed, (error) => notify({ kind: 'onMissedFailed', error })),
  };
}

function invalid(key: string, value: string | number, problem: string): ConfigurationError {
  return new ConfigurationError('CONFIG_VALUE_INVALID', `${key} ${problem}; got "${value}".`, {
    parameters: { key, value },
  });
}
