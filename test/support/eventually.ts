import { setTimeout as delay } from 'node:timers/promises';

interface EventuallyOptions {
  /** Milliseconds until it gives up. Default 15,000; it bounds a failure, it is not a speed claim. */
  readonly deadline?: number;
  /** Milliseconds between tries. Default 20. */
  readonly every?: number;
}

/**
 * Calls `assertion` until it no longer throws, and returns what it returns. Rejects with its last error
 * when the deadline has passed. Use it instead of sleeping.
 */
export async function eventually<T>(
  assertion: () => T | Promise<T>,
  { deadline = 15_000, every = 20 }: EventuallyOptions = {},
): Promise<T> {
  const end = performance.now() + deadline;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() >= end) throw error;
    }
    await delay(every);
  }
}
