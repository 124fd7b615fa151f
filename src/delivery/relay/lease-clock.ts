/** Where a relay reads how long it has held its lease. */
export interface LeaseClock {
  /** Milliseconds that never go back, but that may stand still while the machine is suspended. */
  monotonic(): number;
  /** Milliseconds since 1970; goes on while the machine is suspended, and may be set back. */
  wall(): number;
}

/** A moment on both clocks. */
export interface Instant {
  readonly monotonic: number;
  readonly wall: number;
}

/** The clocks of this process. */
export const systemClock: LeaseClock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
};

/** The present moment. */
export function instant(clock: LeaseClock): Instant {
  return { monotonic: clock.monotonic(), wall: clock.wall() };
}

/**
 * Milliseconds since a moment, by the clock that says more: a relay that slept without noticing must
 * believe whichever clock went on.
 */
export function elapsed(clock: LeaseClock, since: Instant): number {
  return Math.max(clock.monotonic() - since.monotonic, clock.wall() - since.wall);
}
