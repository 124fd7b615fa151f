import { SignalboxError } from '../../core/errors/errors.js';

/** Pure. Whether a broker refused a message for good: the same message will not be taken later either. */
export function isPublishRefused(error: unknown): error is SignalboxError {
  return error instanceof SignalboxError && error.code === 'PUBLISH_REFUSED';
}
