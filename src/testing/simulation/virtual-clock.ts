import { v7 } from 'uuid';

/** Time that moves only when it is told to, and ids that are the same in every run. */
export class VirtualClock {
  #now: number;
  #sequence = 0;

  /** @param start Milliseconds since 1970. */
  constructor(start: number) {
    this.#now = start;
  }

  get now(): number {
    return this.#now;
  }

  /** Sets the time; never back. */
  set(now: number): void {
    this.#now = Math.max(this.#now, now);
  }

  /** A UUIDv7 of the virtual time, rising with every call. */
  readonly nextId = (): string => {
    this.#sequence += 1;
    return v7({ msecs: this.#now, seq: this.#sequence, random: noRandom });
  };
}

const noRandom = new Uint8Array(16);
