/** Tells a relay of commits that other processes made. A relay starts and stops its own. */
export interface WakeListener {
  /** Begins to call `wake` after commits elsewhere, perhaps too often. Neither waits nor throws. */
  start(wake: () => void): void;
  /** Never rejects; safe to call twice. */
  stop(): Promise<void>;
}
