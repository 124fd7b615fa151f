/**
 * Thrown by a handler to dead-letter a delivery at once, without further tries: the message is poison
 * and trying again cannot help.
 */
export class DeadLetterError extends Error {
  /** Kept with the dead letter. */
  readonly reason: string;

  constructor(reason: string, options: { cause?: unknown } = {}) {
    super(reason, options);
    this.name = 'DeadLetterError';
    this.reason = reason;
  }
}
