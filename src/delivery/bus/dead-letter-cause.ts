import type { DeadLetterCause } from './bus.js';
import { DeadLetterError } from './dead-letter-error.js';
import type { HandlingFailure } from './handling-failure.js';

/** Characters of a text that a dead letter keeps: transports read headers as one piece, of bounded size. */
const longestText = 2_000;
/** Of a letter that was refused for its size. */
const tersestText = 60;

/** Pure. What dead letters keep of a text of any length. */
export function deadLetterText(text: string, longest = longestText): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
}

/** Pure. The failure in so few words that a dead letter is little longer than its message. */
export function truncateFailure({ reason, attempts, error }: HandlingFailure): HandlingFailure {
  const { name, message, code } = deadLetterCause(error);
  const terse = Object.assign(new Error(deadLetterText(message, tersestText)), {
    name: deadLetterText(name, tersestText),
    ...(code === undefined ? {} : { code: deadLetterText(code, tersestText) }),
  });
  return { reason: deadLetterText(reason, tersestText), attempts, error: terse };
}

/**
 * Pure. What dead letters keep of an error: its name, its message and its code, and nothing that could
 * hold a secret or a stack. A `DeadLetterError` with a cause is described by its cause.
 */
export function deadLetterCause(error: Error): DeadLetterCause {
  const { cause } = error;
  const told = error instanceof DeadLetterError && cause instanceof Error ? cause : error;
  const code: unknown = 'code' in told ? told.code : undefined;
  return {
    name: deadLetterText(told.name),
    message: deadLetterText(told.message),
    ...(typeof code === 'string' || typeof code === 'number'
      ? { code: deadLetterText(String(code)) }
      : {}),
  };
}
