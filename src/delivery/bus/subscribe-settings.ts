import { guardListener } from '../../core/errors/guard-listener.js';
import { RefusedError } from '../../core/errors/errors.js';
import { utf8Length } from '../../core/json/plain-json.js';
import { checkOptions } from '../../core/options/check-options.js';
import { subscribeSchema } from './bus-fields.js';
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

/**
 * Pure. The options with their defaults. Throws ConfigurationError CONFIG_VALUE_INVALID for a value out
 * of range, and RefusedError FILTER_INVALID for patterns that no transport takes.
 */
export function completeSubscribeOptions(
  patterns: readonly string[],
  options: SubscribeOptions,
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
  checkOptions(subscribeSchema, options);
  const { pool, prefetch = 100, concurrency = 1, order = 'pool', retry, onMissed } = options;
  const { maxIncoming = defaultMaxIncoming } = options;
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
        : guardListener(onMissed, (error) => notify({ kind: 'onMissedFailed', error })),
  };
}
