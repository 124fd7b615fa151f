/** Delays that grow while something fails. */
export interface Backoff {
  /** Whether `next` was called since the last `reset`. */
  readonly failing: boolean;
  /** Milliseconds until the next try; longer with every call, up to the longest. */
  next(): number;
  /** Begins again with the shortest delay. */
  reset(): void;
}

/**
 * Doubles from `first` to `longest` milliseconds. Each delay is shortened at random by up to a half, so
 * that processes that failed together do not come back together.
 */
export function backoff(first: number, longest: number): Backoff {
  let failures = 0;
  return {
    get failing() {
      return failures > 0;
    },
    next() {
      const delay = Math.min(longest, first * 2 ** failures);
      // Far beyond any `longest`, and far from overflow.
      failures = Math.min(failures + 1, 30);
      return delay * (1 - Math.random() / 2);
    },
    reset() {
      failures = 0;
    },
  };
}
