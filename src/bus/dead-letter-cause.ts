import type { DeadLetterCause } from './bus.js';
import { DeadLetterError } from './dead-letter-error.js';

/** Characters of a text that a dead letter keeps: transports read headers as one piece, of bounded size. */
const longestText = 2_000;

/** Pure. What dead letters keep of a text of any length. */
export function deadLetterText(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText - 1)}…` : text;
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
