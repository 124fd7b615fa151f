/** How long the broker lets a consumer keep a delivery. Shared by the subscriptions of one bus. */
export interface ConsumerTimeout {
  /** Milliseconds; Infinity when it has no such limit. */
  current: number;
}

/** Pure. The timeout that the broker names when it closes a channel over it. */
export function timeoutIn(reason: string): number | undefined {
  const [, told] = /delivery acknowledgement.*timeout value used: (\d+) ms/i.exec(reason) ?? [];
  return told === undefined ? undefined : Number(told);
}

/**
 * Pure. How many deliveries may be held so that the last of them begins within half of the timeout: the
 * other half is for its own handler.
 */
export function fittingPrefetch({
  prefetch,
  concurrency,
  duration,
  timeout,
}: {
  readonly prefetch: number;
  readonly concurrency: number;
  /** Milliseconds that a handler takes; undefined before one has returned. */
  readonly duration: number | undefined;
  readonly timeout: number;
}): number {
  if (duration === undefined || duration <= 0 || timeout === Infinity) return prefetch;
  const fitting = Math.floor((concurrency * (timeout / 2)) / duration);
  return Math.min(prefetch, Math.max(concurrency, fitting));
}

/**
 * Pure. Whether a consumer is to be made again because handlers have become so much faster that more
 * deliveries may be held: twice as many, or as many as were asked for.
 */
export function isWorthGrowing(
  current: number,
  options: Parameters<typeof fittingPrefetch>[0],
): boolean {
  if (current >= options.prefetch) return false;
  const fitting = fittingPrefetch(options);
  return fitting >= Math.min(2 * current, options.prefetch);
}

/** Pure. For how many milliseconds a delivery may wait before it is given back. */
export function longestWait(timeout: number, duration = 0): number {
  // Handlers under way are waited for first.
  return (timeout * 5) / 6 - Math.min(duration, timeout / 3);
}
