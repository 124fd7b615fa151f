import {
  ClosedError,
  OutcomeUnknownError,
  SignalboxError,
  UnavailableError,
} from '../core/errors/errors.js';
import { maskAddresses } from '../core/errors/mask-addresses.js';
import { messageOf } from '../core/errors/to-error.js';
import { tell, tellRecord } from './tell.js';

/** 2 when the caller must change something, 1 when the world must. */
export function exitCodeOf(error: unknown): 1 | 2 {
  const isOfTheWorld =
    !(error instanceof SignalboxError) ||
    error instanceof UnavailableError ||
    error instanceof OutcomeUnknownError ||
    error instanceof ClosedError;
  return isOfTheWorld ? 1 : 2;
}

/**
 * Prints an error as one paragraph on standard error, with its code; stacks, its causes' too, only on
 * demand. With `json`, as a record of the log.
 */
export function reportError(
  error: unknown,
  { debug, json = false }: { readonly debug: boolean; readonly json?: boolean },
): void {
  const message = messageOf(error);
  if (json) {
    const stack = debug && error instanceof Error && error.stack !== undefined ? error.stack : null;
    tellRecord('error', message, {
      ...(error instanceof SignalboxError ? { code: error.code } : {}),
      ...(stack === null ? {} : { stack: maskAddresses(stack) }),
    });
    return;
  }
  const code = error instanceof SignalboxError ? ` [${error.code}]` : '';
  tell(`signalbox: ${message}${code}`);
  if (!debug) return;
  for (let at = error, label = ''; at instanceof Error; at = at.cause, label = 'Caused by: ') {
    tell(`${label}${at.stack ?? at.message}`);
  }
}
