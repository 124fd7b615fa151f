import {
  ClosedError,
  OutcomeUnknownError,
  SignalboxError,
  UnavailableError,
} from '../core/errors/errors.js';
import { tell } from './tell.js';

/** 2 when the caller must change something, 1 when the world must. */
export function exitCodeOf(error: unknown): 1 | 2 {
  const isOfTheWorld =
    !(error instanceof SignalboxError) ||
    error instanceof UnavailableError ||
    error instanceof OutcomeUnknownError ||
    error instanceof ClosedError;
  return isOfTheWorld ? 1 : 2;
}

/** Prints an error as one paragraph on standard error, with its code; stacks, its causes' too, only on demand. */
export function reportError(error: unknown, { debug }: { readonly debug: boolean }): void {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof SignalboxError ? ` [${error.code}]` : '';
  tell(`signalbox: ${message}${code}`);
  if (!debug) return;
  for (let at = error, label = ''; at instanceof Error; at = at.cause, label = 'Caused by: ') {
    tell(`${label}${at.stack ?? at.message}`);
  }
}
