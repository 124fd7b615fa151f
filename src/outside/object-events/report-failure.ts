/** Told of what a handler threw. What it throws itself, or rejects with, is ignored. */
export type FailureListener = (error: Error) => void;

/** Pure. What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown });
}

/**
 * Tells the listener of a handler's failure; without one, Node's `warning` event, which prints it on
 * the standard error. Never throws: who fires must not suffer from who listens.
 */
export function reportFailure(error: Error, listener: FailureListener | undefined): void {
  if (listener === undefined) {
    process.emitWarning(`A handler of an event failed: ${error.message}`, {
      type: 'HandlerFailure',
      ...(error.stack === undefined ? {} : { detail: error.stack }),
    });
    return;
  }
  const told = listener as (error: Error) => unknown;
  // A broken log must not stop events, nor end the process where it is asynchronous.
  try {
    Promise.resolve(told(error)).catch(() => undefined);
  } catch {
    return;
  }
}
