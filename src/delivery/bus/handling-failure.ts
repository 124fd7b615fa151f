/** Why a delivery was given up. */
export interface HandlingFailure {
  readonly reason: string;
  readonly attempts: number;
  readonly error: Error;
}

/** Pure. The failure of a delivery that no handler was given. */
export function untried(reason: string): HandlingFailure {
  return { reason, attempts: 0, error: new Error(reason) };
}
