import { SignalboxError } from '../../core/errors/errors.js';

/** Pure. Whether a broker refused a message for good: the same message will not be taken later either. */
export function isPublishRefused(error: unknown): error is SignalboxError {
  return error instanceof SignalboxError && error.code === 'PUBLISH_REFUSED';
}

/** Pure. Whether the same message can never be published: it is refused, or its key is too long. */
export function isRefusedForGood(error: unknown): error is SignalboxError {
  if (isPublishRefused(error)) return true;
  return error instanceof SignalboxError && error.code === 'ROUTING_KEY_TOO_LONG';
}
