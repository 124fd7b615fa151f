import {
  callback,
  either,
  field,
  having,
  listOf,
  milliseconds,
  oneOf,
  options,
  whole,
  type Fields,
} from '../../core/options/fields.js';
import { optionsOf } from '../../core/options/check-options.js';
import { utf8Length } from '../../core/json/plain-json.js';
import type { RetryPolicy, SubscribeOptions } from './bus.js';

/** The most that a quorum queue accepts. */
const largestPrefetch = 2000;

export const busField = having(
  'what rabbitmq({ url }) or memoryBus() returned',
  'publish',
  'subscribe',
);

/** One bus or several. */
export const busesField = either(busField, listOf(busField));

export const poolField = field(
  'a name of 1 to 100 bytes',
  (value) => typeof value === 'string' && value !== '' && utf8Length(value) <= 100,
);

export const retryFields: Fields<RetryPolicy> = {
  attempts: whole(1, 1000),
  delay: milliseconds(0),
  maxDelay: milliseconds(0),
  order: oneOf('hold', 'release'),
  unavailable: oneOf('wait', 'count'),
};

/** Schema of the options of a subscription. */
export const subscribeFields: Fields<SubscribeOptions> = {
  pool: poolField,
  prefetch: whole(1, largestPrefetch),
  concurrency: whole(1, largestPrefetch),
  order: oneOf('pool', 'member'),
  maxIncoming: whole(1),
  retry: options<RetryPolicy>(retryFields),
  onMissed: callback,
};

export const subscribeSchema = optionsOf<SubscribeOptions>('subscribe()', subscribeFields);
