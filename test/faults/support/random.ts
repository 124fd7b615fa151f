/** Random choices that a seed repeats. */
export interface Random {
  /** A whole number from 0 to `below` - 1. */
  whole(below: number): number;
  /** One of these. */
  pick<T>(choices: readonly T[]): T;
  /** Another source, for somebody whose turns come at no fixed time. */
  branch(): Random;
}

/** Mulberry32: small, and the same on every machine. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (below: number): number => Math.floor(next() * below);
  return {
    whole,
    pick: (choices) => {
      if (choices.length === 0) throw new Error('nothing to choose from');
      return choices[whole(choices.length)] as never;
    },
    branch: () => random(whole(2 ** 31)),
  };
}
