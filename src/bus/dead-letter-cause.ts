import type { DeadLetterCause } from './bus.js';
import { DeadLetterError } from './dead-letter-error.js';

/**
 * Pure. What dead letters keep of an error: its name, its message and its code, and nothing that could
 * hold a secret or a stack. A `DeadLetterError` with a cause is described by its cause.
 */
export function deadLetterCause(error: Error): DeadLetterCause {
  const { cause } = error;
  const told = error instanceof DeadLetterError && cause instanceof Error ? cause : error;
  const code: unknown = 'code' in told ? told.code : undefined;
  return {
    name: told.name,
    message: told.message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code: String(code) } : {}),
  };
}
